#!lua flags=allow-oom
-- Takes one of the entries that must be claimed alone under a lease, every other time while there is other work, so
-- that neither holds up the other. Those of paused orgs and environments stay. A claim with the same token then
-- answers it. Outcome: 1 taken, 0 not.
local entry = KEYS[1]
local ready_orgs = KEYS[2]
local paused = KEYS[3]
local alone = KEYS[4]
local turn = KEYS[5]
local bucket = KEYS[6]
local lease = KEYS[7]
local leases = KEYS[8]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local lease_for = tonumber(ARGV[3])
local paced = ARGV[4] == '1'

local LOOKED_AT = 32
if redis.call('EXISTS', alone) == 0 or redis.call('EXISTS', lease .. token) == 1 then return 0 end
if redis.call('EXISTS', ready_orgs) == 1 and redis.call('DEL', turn) == 1 then return 0 end
if paced and tonumber(redis.call('HGET', bucket, 'n') or 0) < 1 then return 0 end
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
for _, id in ipairs(redis.call('ZRANGE', alone, 0, LOOKED_AT - 1)) do
  local owner, name = string.match(redis.call('GETRANGE', entry .. id, 0, 255), '^%d+ %S+ %d+ ([^/]+)/(%S+) ')
  local place = owner and owner .. '/' .. name or '?/?'
  local stopped = redis.call('SMISMEMBER', paused, owner or '?', place)
  if stopped[1] + stopped[2] == 0 then
    redis.call('ZREM', alone, id)
    redis.call('SET', turn, '1')
    if paced then redis.call('HINCRBYFLOAT', bucket, 'n', -1) end
    redis.call('HSET', lease .. token, id, place)
    redis.call('ZADD', leases, now + lease_for, token)
    return 1
  end
end
return 0
