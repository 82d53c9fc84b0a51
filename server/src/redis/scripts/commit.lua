-- Notes where a message is stored. KEYS[1]: its key. ARGV: the topic that was claimed, the message's topic, its number,
-- milliseconds for which it is remembered. Only a publish to the topic of a lease holds that lease.
local found = redis.call('GET', KEYS[1])
if found then
  local kind, word, topic = string.match(found, '^([SL])([^:]*):(.*)$')
  if kind == 'S' then
    return { 'stored', word, topic }
  end
  if topic ~= ARGV[1] then
    return { 'leased' }
  end
end
redis.call('SET', KEYS[1], 'S' .. ARGV[3] .. ':' .. ARGV[2], 'PX', ARGV[4])
return { 'stored', ARGV[3], ARGV[2] }
