#!lua flags=allow-oom
-- Sets what share an org or an environment has of the drainer: whether it is paused, and an org's weight (empty: as
-- everyone's). A claim parks who is paused when it meets it; promote puts back who is paused no longer.
-- Outcome: 1 when its pause began or ended, else 0.
local weights = KEYS[1]
local paused = KEYS[2]
local parked = KEYS[3]
local member = ARGV[1]
local weight = ARGV[2]
local stop = ARGV[3] == '1'

local FREED = 0
if weight == '' then redis.call('HDEL', weights, member) else redis.call('HSET', weights, member, weight) end
if stop then return redis.call('SADD', paused, member) end
redis.call('ZADD', parked, 'XX', FREED, member)
return redis.call('SREM', paused, member)
