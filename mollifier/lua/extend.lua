#!lua flags=allow-oom
-- Moves the deadline of a lease that is still there. Outcome: 1 extended, 0 lost.
local lease = KEYS[1]
local leases = KEYS[2]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local lease_for = tonumber(ARGV[3])

if redis.call('EXISTS', lease .. token) == 0 then return 0 end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
redis.call('ZADD', leases, 'XX', now + lease_for, token)
return 1
