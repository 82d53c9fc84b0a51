-- Reads a record and its age by the server's clock. KEYS[1]: its key.
local found = redis.call('HMGET', KEYS[1], 'revision', 'value', 'written')
if not found[1] then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return { found[1], found[2], math.max(0, now - found[3]) }
