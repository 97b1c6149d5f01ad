#!lua flags=no-writes
-- Finds the ids of one environment that come next below a cursor, newest first. Ids grow with time and stand in
-- accept order, so the place of the cursor is found by bisection; SLACK covers ids made out of order by a little.
-- Outcome: at most `looked_at` ids below the cursor from the queue, and as many in other states; unsorted.
local queue = KEYS[1]
local held = KEYS[2]
local place = ARGV[1]
local before = ARGV[2]
local looked_at = tonumber(ARGV[3])

local SLACK = 100
local answer = {}
for _, key in ipairs({queue .. place, held .. place}) do
  local low, high = 0, redis.call('ZCARD', key)
  while before ~= '' and low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', key, middle, middle)[1] < before then low = middle + 1 else high = middle end
  end
  local last = high + SLACK
  for _, id in ipairs(redis.call('ZRANGE', key, math.max(0, high - looked_at), last)) do
    if before == '' or id < before then answer[#answer + 1] = id end
  end
end
return answer
