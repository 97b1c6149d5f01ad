#!lua flags=allow-oom
-- Ends leased entries that are rows now, at once. The tail holds pairs: an id, and the patch its claim saw.
-- Outcomes, in the tail's order: settled | patched (a newer patch; still leased) | lost_lease.
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local held = KEYS[4]
local env = KEYS[5]
local org = KEYS[6]
local parked = KEYS[7]
local lease = KEYS[8]
local leases = KEYS[9]
local binding = KEYS[10]
local counters = KEYS[11]
local flow = KEYS[12]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local binding_ttl_ms = ARGV[3]

local FREED = 0
local BOUNDS = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local ids, sides = {}, {}
for i = 4, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
  sides[#ids] = side .. ARGV[i]
end
local places = redis.call('HMGET', lease .. token, unpack(ids))
local beside = redis.call('EXISTS', unpack(sides)) > 0

local answer, groups, done, gone, bound, bound_ids, lost = {}, {}, {}, {}, {}, {}, 0
for i, id in ipairs(ids) do
  local patch = beside and places[i] and redis.call('HMGET', sides[i], 'v', 'p') or {}
  if not places[i] then
    answer[i], lost = 'lost_lease', lost + 1
  elseif tonumber(patch[1] or 0) > tonumber(ARGV[2 * i + 3]) then
    answer[i] = 'patched'
  else
    local group = groups[places[i]] or {ids = {}, bytes = 0, in_groups = {}}
    local text = redis.call('GETRANGE', entry .. id, 0, 79)
    local bound_as, of_group, size = string.match(text, '^1 ([^/ ]+)/?(%S*) (%d+) ')
    groups[places[i]], group.ids[#group.ids + 1] = group, id
    group.bytes = group.bytes + (size or 0) + (patch[2] or 0)
    if of_group and of_group ~= '' then group.in_groups[of_group] = (group.in_groups[of_group] or 0) + 1 end
    gone[#gone + 1] = entry .. id
    if beside then gone[#gone + 1] = sides[i] end
    if bound_as and bound_as ~= '-' then
      bound[#bound + 1], bound_ids[#bound + 1] = binding .. places[i] .. ':' .. bound_as, id
    end
    answer[i], done[#done + 1] = 'settled', id
  end
end
if lost > 0 then redis.call('HINCRBY', counters, 'drain:lost_lease', lost) end
if #done + lost < #ids then redis.call('HINCRBY', counters, 'drain:patched', #ids - #done - lost) end
if #done == 0 then return answer end

-- What they counted for; a count that reaches nothing is dropped. Who is parked at its cap has room again.
local function subtract(key, n, bytes)
  if redis.call('HINCRBY', key, 'n', -n) == 0 then return redis.call('DEL', key) end
  redis.call('HINCRBY', key, 'b', -bytes)
end
local dwell, slots, slot, bytes, parking = 0, {}, 1, 0, redis.call('EXISTS', parked) == 1
for place, group in pairs(groups) do
  for _, seq in ipairs(redis.call('ZMSCORE', held .. place, unpack(group.ids))) do
    local waited = math.max(0, (now - (seq or now)) / 1000)
    while BOUNDS[slot] and waited > BOUNDS[slot] do slot = slot + 1 end
    while slot > 1 and waited <= BOUNDS[slot - 1] do slot = slot - 1 end
    slots[slot], dwell = (slots[slot] or 0) + 1, dwell + waited
  end
  redis.call('ZREM', held .. place, unpack(group.ids))
  for name, count in pairs(group.in_groups) do
    local field = 'g:' .. name
    if redis.call('HINCRBY', env .. place, field, -count) == 0 then redis.call('HDEL', env .. place, field) end
  end
  subtract(env .. place, #group.ids, group.bytes)
  subtract(org .. string.match(place, '^[^/]+'), #group.ids, group.bytes)
  bytes = bytes + group.bytes
  if parking then redis.call('ZADD', parked, 'XX', 'LT', FREED, place) end
end
redis.call('HDEL', lease .. token, unpack(done))
if redis.call('EXISTS', lease .. token) == 0 then redis.call('ZREM', leases, token) end
redis.call('DEL', unpack(gone))
for i, value in ipairs(#bound > 0 and redis.call('MGET', unpack(bound)) or {}) do
  if value and string.sub(value, 1, #bound_ids[i]) == bound_ids[i] then
    redis.call('PEXPIRE', bound[i], binding_ttl_ms)
  end
end

-- Statistics: outcomes, dwell times, and the pace of the last seconds of work, where pauses do not count.
redis.call('HINCRBY', counters, 'drain:settled', #done)
for at, count in pairs(slots) do redis.call('HINCRBY', counters, 'dwell:' .. (BOUNDS[at] or 'inf'), count) end
redis.call('HINCRBY', counters, 'dwell:sum', math.floor(dwell))
local pace = redis.call('HMGET', totals, 'rate', 'settled_at')
local since, rate = (now - tonumber(pace[2] or 0)) / 1000000, tonumber(pace[1] or 0)
if since < 2 then
  since = math.max(since, 0.0001)
  rate = rate + (1 - math.exp(-since / 2)) * (#done / since - rate)
end
redis.call('HINCRBY', totals, 'n', -#done)
redis.call('HINCRBY', totals, 'b', -bytes)
redis.call('HSET', totals, 'settled_at', now, 'rate', string.format('%.1f', rate))
local second = math.floor(now / 1000000)
local minute = flow .. math.floor(second / 60)
redis.call('HINCRBY', minute, 'w' .. second % 60, math.floor(dwell))
if redis.call('HINCRBY', minute, 'o' .. second % 60, #done) == #done then redis.call('EXPIRE', minute, 4200) end
return answer
