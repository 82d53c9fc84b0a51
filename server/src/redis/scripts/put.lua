-- Writes a record if it has the expected revision. KEYS[1]: its key. ARGV: the expected revision (empty: there is no record),
-- the new revision, the value, milliseconds for which it is kept.
local present = redis.call('HGET', KEYS[1], 'revision')
if (present or '') ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'value', ARGV[3], 'written', now)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
