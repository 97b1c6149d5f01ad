#!lua flags=allow-oom
-- Gives leased entries back that are no rows, at once. The tail holds fives:
--   requeue id delay spend error    back to its queue after delay, due or not by way of promote; spend = 1: an attempt
--   fail id - - error               a dead letter
-- Outcomes, in the tail's order: requeued | failed | lost_lease. One that costs no attempt is counted as given_back.
local side = KEYS[1]
local env = KEYS[2]
local parked = KEYS[3]
local delayed = KEYS[4]
local failed = KEYS[5]
local lease = KEYS[6]
local leases = KEYS[7]
local counters = KEYS[8]
local now = tonumber(ARGV[1])
local token = ARGV[2]

local FREED = 0
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local ids = {}
for i = 3, #ARGV, 5 do ids[#ids + 1] = ARGV[i + 1] end
local places = redis.call('HMGET', lease .. token, unpack(ids))
local answer, tally, aside, done, later, dead = {}, {}, {}, {}, {}, {}
for i, id in ipairs(ids) do
  local at, place, counted = 5 * i - 2, places[i], 'lost_lease'
  answer[i] = counted
  if place then
    local back, spends = ARGV[at] == 'requeue', ARGV[at + 3] == '1'
    local to, due = back and later or dead, back and now + ARGV[at + 2] or now
    answer[i], aside[place], done[#done + 1] = back and 'requeued' or 'failed', (aside[place] or 0) + 1, id
    counted = (spends or not back) and answer[i] or 'given_back'
    to[#to + 1], to[#to + 2] = due, id
    if spends then
      redis.call('HINCRBY', side .. id, 'a', 1)
      redis.call('HSETNX', side .. id, 'f', now)
    end
    if ARGV[at + 4] ~= '' then redis.call('HSET', side .. id, 'e', ARGV[at + 4]) end
  end
  tally[counted] = (tally[counted] or 0) + 1
end
for outcome, count in pairs(tally) do redis.call('HINCRBY', counters, 'drain:' .. outcome, count) end
if #done == 0 then return answer end
if #later > 0 then redis.call('ZADD', delayed, unpack(later)) end
if #dead > 0 then redis.call('ZADD', failed, unpack(dead)) end
for place, count in pairs(aside) do
  redis.call('HINCRBY', env .. place, 'h', count)
  redis.call('ZADD', parked, 'XX', 'LT', FREED, place)
end
redis.call('HDEL', lease .. token, unpack(done))
if redis.call('EXISTS', lease .. token) == 0 then redis.call('ZREM', leases, token) end
return answer
