#!lua flags=allow-oom
-- Reports what became of leased entries, at once. The tail holds `plain` ids that are rows now, then fives:
--   settle id version - -              it is a row; version is the patch its claim saw
--   requeue id delay spend error       back to its queue after delay; spend = 1 costs an attempt
--   fail id error - -                  a dead letter
-- Outcomes, in the tail's order: settled | patched (a newer patch; still leased) | requeued | failed | lost_lease.
-- A requeued one waits among the delayed, due or not; promote puts it back.
local totals = KEYS[1]
local entry = KEYS[2]
local side = KEYS[3]
local held = KEYS[4]
local env = KEYS[5]
local org = KEYS[6]
local delayed = KEYS[7]
local failed = KEYS[8]
local lease = KEYS[9]
local leases = KEYS[10]
local binding = KEYS[11]
local counters = KEYS[12]
local flow = KEYS[13]
local now = tonumber(ARGV[1])
local token = ARGV[2]
local binding_ttl_ms = ARGV[3]
local plain = tonumber(ARGV[4])

local BOUNDS = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local ids, at = {}, {}
for i = 5, 4 + plain do ids[i - 4] = ARGV[i] end
for i = 5 + plain, #ARGV, 5 do
  ids[#ids + 1] = ARGV[i + 1]
  at[#ids] = i
end
local places = redis.call('HMGET', lease .. token, unpack(ids))
local sides = {}
for i, id in ipairs(ids) do sides[i] = side .. id end
local patched = redis.call('EXISTS', unpack(sides)) > 0

local answer, tally, groups, gone, done, bound, bound_ids = {}, {}, {}, {}, {}, {}, {}
local function leave(i, id, group, patch_bytes)
  local key = entry .. id
  local bound_as, size = string.match(redis.call('GETRANGE', key, 0, 47), '^1 (%S+) (%d+) ')
  group.ids[#group.ids + 1], group.b, gone[#gone + 1] = id, group.b + (size or 0) + patch_bytes, key
  if patched then gone[#gone + 1] = sides[i] end
  if bound_as and bound_as ~= '-' then
    bound[#bound + 1], bound_ids[#bound + 1] = binding .. places[i] .. ':' .. bound_as, id
  end
  return 'settled'
end
local function requeue(i, id, group, delay, spend, reason)
  group.h = group.h + 1
  redis.call('ZADD', delayed, now + delay, id)
  if spend == '1' then
    redis.call('HINCRBY', sides[i], 'a', 1)
    redis.call('HSETNX', sides[i], 'f', now)
  end
  if reason ~= '' then redis.call('HSET', sides[i], 'e', reason) end
  return 'requeued'
end
local function bury(i, id, group, reason)
  group.h = group.h + 1
  redis.call('ZADD', failed, now, id)
  redis.call('HSET', sides[i], 'e', reason)
  return 'failed'
end
for i, id in ipairs(ids) do
  local place, five = places[i], at[i]
  local kind, a = five and ARGV[five] or 'settle', five and ARGV[five + 2] or 0
  local patch = patched and kind == 'settle' and redis.call('HMGET', sides[i], 'v', 'p')
  if not place then
    answer[i] = 'lost_lease'
  elseif patch and tonumber(patch[1] or 0) > tonumber(a) then
    answer[i] = 'patched'
  else
    local group = groups[place]
    if not group then
      group = {h = 0, b = 0, ids = {}}
      groups[place] = group
    end
    done[#done + 1] = id
    if kind == 'settle' then answer[i] = leave(i, id, group, tonumber(patch and patch[2] or 0))
    elseif kind == 'requeue' then answer[i] = requeue(i, id, group, a, ARGV[five + 3], ARGV[five + 4])
    else answer[i] = bury(i, id, group, a) end
  end
  tally[answer[i]] = (tally[answer[i]] or 0) + 1
end

-- Takes entries and bytes off one count; a count that reaches nothing is dropped.
local function subtract(key, n, b)
  if redis.call('HINCRBY', key, 'n', -n) == 0 then return redis.call('DEL', key) end
  redis.call('HINCRBY', key, 'b', -b)
end
local dwell, slots, slot, bytes = 0, {}, 1, 0
for place, group in pairs(groups) do
  if group.h > 0 then redis.call('HINCRBY', env .. place, 'h', group.h) end
  if #group.ids > 0 then
    for _, seq in ipairs(redis.call('ZMSCORE', held .. place, unpack(group.ids))) do
      local waited = math.max(0, (now - (seq or now)) / 1000)
      while BOUNDS[slot] and waited > BOUNDS[slot] do slot = slot + 1 end
      while slot > 1 and waited <= BOUNDS[slot - 1] do slot = slot - 1 end
      slots[slot], dwell = (slots[slot] or 0) + 1, dwell + waited
    end
    redis.call('ZREM', held .. place, unpack(group.ids))
    subtract(env .. place, #group.ids, group.b)
    subtract(org .. string.match(place, '^[^/]+'), #group.ids, group.b)
    bytes = bytes + group.b
  end
end
for outcome, count in pairs(tally) do redis.call('HINCRBY', counters, 'drain:' .. outcome, count) end
if #done > 0 then
  redis.call('HDEL', lease .. token, unpack(done))
  if redis.call('EXISTS', lease .. token) == 0 then redis.call('ZREM', leases, token) end
end
local settled = tally.settled or 0
if settled == 0 then return answer end

redis.call('DEL', unpack(gone))
if #bound > 0 then
  for i, value in ipairs(redis.call('MGET', unpack(bound))) do
    if value and string.sub(value, 1, #bound_ids[i]) == bound_ids[i] then
      redis.call('PEXPIRE', bound[i], binding_ttl_ms)
    end
  end
end
for slot, count in pairs(slots) do redis.call('HINCRBY', counters, 'dwell:' .. (BOUNDS[slot] or 'inf'), count) end
redis.call('HINCRBY', counters, 'dwell:sum', math.floor(dwell))

-- The pace of the last seconds of work, for who waits; pauses do not count.
local pace = redis.call('HMGET', totals, 'rate', 'settled_at')
local since = (now - tonumber(pace[2] or 0)) / 1000000
local rate = tonumber(pace[1] or 0)
if since < 2 then
  since = math.max(since, 0.0001)
  rate = rate + (1 - math.exp(-since / 2)) * (settled / since - rate)
end
redis.call('HINCRBY', totals, 'n', -settled)
redis.call('HINCRBY', totals, 'b', -bytes)
redis.call('HSET', totals, 'settled_at', now, 'rate', string.format('%.1f', rate))
local second = math.floor(now / 1000000)
local minute = flow .. math.floor(second / 60)
redis.call('HINCRBY', minute, 'w' .. second % 60, math.floor(dwell))
if redis.call('HINCRBY', minute, 'o' .. second % 60, settled) == settled then redis.call('EXPIRE', minute, 4200) end
return answer
