#!lua flags=allow-oom
-- Ends leases past their deadline: each entry gets a lapse and is due at once; promote puts it back at its old place.
-- From the third lapse on it was claimed alone, so that the lapse is its own doing and costs an attempt.
-- Outcome: how many entries were taken back.
local side = KEYS[1]
local env = KEYS[2]
local parked = KEYS[3]
local delayed = KEYS[4]
local lease = KEYS[5]
local leases = KEYS[6]
local counters = KEYS[7]
local now = tonumber(ARGV[1])
local at_most = tonumber(ARGV[2])

local LAPSES_TOGETHER, FREED = 2, 0
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local taken, places = 0, {}
for _, token in ipairs(redis.call('ZRANGE', leases, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)) do
  local held, ids, due = redis.call('HGETALL', lease .. token), {}, {}
  for i = 1, math.min(#held, 2 * (at_most - taken)), 2 do
    local id, place = held[i], held[i + 1]
    if redis.call('HINCRBY', side .. id, 'k', 1) > LAPSES_TOGETHER then
      redis.call('HINCRBY', side .. id, 'a', 1)
      redis.call('HSETNX', side .. id, 'f', now)
    end
    ids[#ids + 1], places[place] = id, (places[place] or 0) + 1
    due[#due + 1], due[#due + 2] = now, id
  end
  if #ids > 0 then
    redis.call('ZADD', delayed, unpack(due))
    redis.call('HDEL', lease .. token, unpack(ids))
  end
  if redis.call('EXISTS', lease .. token) == 0 then redis.call('ZREM', leases, token) end
  taken = taken + #ids
  if taken >= at_most then break end
end
for place, count in pairs(places) do
  redis.call('HINCRBY', env .. place, 'h', count)
  redis.call('ZADD', parked, 'XX', 'LT', FREED, place)
end
if taken > 0 then redis.call('HINCRBY', counters, 'lapsed', taken) end
return taken
