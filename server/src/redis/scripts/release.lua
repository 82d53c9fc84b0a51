-- Frees a message id whose message is certainly not stored. KEYS[1]: its key. ARGV: token.
local found = redis.call('GET', KEYS[1])
local own = 'L' .. ARGV[1] .. ':'
if found and string.sub(found, 1, #own) == own then
  return redis.call('DEL', KEYS[1])
end
return 0
