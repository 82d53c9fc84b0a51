-- Claims a message id. KEYS[1]: its key. ARGV: token, topic, milliseconds of the lease.
local found = redis.call('GET', KEYS[1])
local token = ARGV[1]
if found then
  local kind, word, topic = string.match(found, '^([SL])([^:]*):(.*)$')
  if kind == 'S' then
    return { 'stored', word, topic }
  end
  if kind == nil then
    return redis.error_reply('FOREIGN value')
  end
  if topic ~= ARGV[2] then
    return { 'leased', redis.call('PTTL', KEYS[1]) }
  end
  -- Two publishes have it now: neither knows what becomes of the other one.
  token = ''
end
redis.call('SET', KEYS[1], 'L' .. token .. ':' .. ARGV[2], 'PX', ARGV[3])
return { 'first' }
