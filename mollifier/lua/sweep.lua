#!lua flags=allow-oom
-- One pass of the sweep: notes of each environment how many of its entries have waited longer than `stale_after`.
-- It looks at the oldest end of queues and never at an entry. It walks the heads by age from a cursor that stays in
-- Redis, as far as those that were there when the cycle began; so what comes or goes meanwhile moves no other's turn.
-- After the walk the places noted as stale are counted again, those noted longest ago first, PAGE of them a pass; the
-- cycle ends when none is left that the walk did not come by. So one that drained meanwhile is cleared.
-- A count of queued entries that is not what its queue holds is put right, for claims go by it.
-- Outcomes: held (another sweeper is at work)
--   swept wrapped orgs envs stale orphaned repaired now, places (place, oldest, queued, stale), some orphaned ids
local sweep = KEYS[1]
local sweeper = KEYS[2]
local stale = KEYS[3]
local stale_counts = KEYS[4]
local heads = KEYS[5]
local queue = KEYS[6]
local entry = KEYS[7]
local env = KEYS[8]
local totals = KEYS[9]
local depth = KEYS[10]
local ready_orgs = KEYS[11]
local ready_envs = KEYS[12]
local alone = KEYS[13]
local parked = KEYS[14]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local lock_ms = ARGV[3]
local at_most = tonumber(ARGV[4])
local stale_after = tonumber(ARGV[5])

local PAGE, IDS, SHOWN, FREED = 300, 10, 20, 0
local holder = redis.call('GET', sweeper)
if holder and holder ~= token then return {'held'} end
redis.call('SET', sweeper, token, 'PX', lock_ms)
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local before = '(' .. string.format('%.0f', now - stale_after)
local state = redis.call('HMGET', sweep, 'cursor', 'began', 'stale', 'seen')
local cursor, began, total = state[1] or '-inf', state[2] or string.format('%.0f', now), tonumber(state[3] or 0)
local orphaned, repaired, orgs, envs, known, shown, orphans = 0, 0, 0, 0, {}, {}, {}

local function note(place, count)
  total = total + count - tonumber(redis.call('HGET', stale_counts, place) or 0)
  if count > 0 then
    redis.call('ZADD', stale, now, place)
    redis.call('HSET', stale_counts, place, count)
  elseif redis.call('ZREM', stale, place) == 1 then
    redis.call('HDEL', stale_counts, place)
  end
end
local function look_for_entries(ids)
  local names = {}
  for i, id in ipairs(ids) do names[i] = entry .. id end
  if #ids == 0 or redis.call('EXISTS', unpack(names)) == #ids then return end
  for i, name in ipairs(names) do
    if redis.call('EXISTS', name) == 0 then
      orphaned = orphaned + 1
      if #orphans < SHOWN then orphans[#orphans + 1] = ids[i] end
    end
  end
end
local function repair(place, owner, name, queued)
  local wrong = queued - tonumber(redis.call('HGET', env .. place, 'q') or 0)
  if wrong == 0 and queued > 0 then return end
  repaired = repaired + 1
  if wrong ~= 0 then
    redis.call('HINCRBY', env .. place, 'q', wrong)
    redis.call('HINCRBY', totals, 'q', wrong)
    if tonumber(redis.call('ZINCRBY', depth, wrong, owner)) <= 0 then redis.call('ZREM', depth, owner) end
  end
  -- A claim that took it for empty left it out of the ready set; promote puts it back.
  if queued > 0 then return redis.call('ZADD', parked, 'NX', FREED, place) end
  redis.call('ZREM', heads, place)
  redis.call('ZREM', ready_envs .. owner, name)
  if redis.call('EXISTS', ready_envs .. owner) == 0 then redis.call('ZREM', ready_orgs, owner) end
end

local page = redis.call('ZRANGE', heads, '(' .. cursor, began, 'BYSCORE', 'LIMIT', 0, PAGE, 'WITHSCORES')
local walked = #page < 2 * PAGE
for i = 1, #page, 2 do
  local place, oldest = page[i], page[i + 1]
  local owner, name = string.match(place, '^([^/]+)/(.+)$')
  if not known[owner] and orgs == at_most then
    walked = false
    break
  end
  if not known[owner] then known[owner], orgs = true, orgs + 1 end
  cursor, envs = oldest, envs + 1
  local queued, late = redis.call('ZCARD', queue .. place), redis.call('ZCOUNT', queue .. place, '-inf', before)
  look_for_entries(redis.call('ZRANGE', queue .. place, 0, IDS - 1))
  repair(place, owner, name, queued)
  note(place, late)
  if #shown < 4 * SHOWN then
    for _, part in ipairs({place, oldest, queued, late}) do shown[#shown + 1] = part end
  end
end

local noted, missed = walked and redis.call('ZRANGE', stale, 0, PAGE - 1, 'WITHSCORES') or {}, 0
for i = 1, #noted, 2 do
  if tonumber(noted[i + 1]) < tonumber(began) then missed = missed + 1 end
  note(noted[i], redis.call('ZCOUNT', queue .. noted[i], '-inf', before))
end
local wrapped = walked and missed < PAGE
if wrapped then look_for_entries(redis.call('ZRANGE', alone, 0, PAGE - 1)) end
local seen = tonumber(state[4] or 0) + orphaned
if wrapped then
  redis.call('HSET', sweep, 'ended', string.format('%.0f', now), 'orphans', seen)
  redis.call('HDEL', sweep, 'cursor', 'began', 'seen')
else
  redis.call('HSET', sweep, 'cursor', cursor, 'began', began, 'seen', seen)
end
local late_alone = redis.call('ZCOUNT', alone, '-inf', before)
redis.call('HSET', sweep, 'beat', string.format('%.0f', now), 'stale', total, 'alone', late_alone)
return {'swept', wrapped and 1 or 0, orgs, envs, total + late_alone, orphaned, repaired, string.format('%.0f', now), shown,
  orphans}
