#!lua
-- Decides what becomes of one trigger in one step, and keeps it as an entry when it is mollified.
-- Times are in microseconds; now = 0 takes the server's clock. mode is `on`, `mirror` or `shadow`; the last two bind
-- nothing and refuse nothing. `forced` (a reason) skips duplicate send, limits, hold and order. `room` is '', or how
-- many more of a group there may be and the group, as a digest; what is buffered of the group here takes of it.
-- The tail holds fives, `levels` of them: reason, whose passes are counted, limit, window, hold. Then pairs of counter
-- and increment, which the caller could not report before. Outcomes:
--   passed room [left free_in]                         start it now; tell = 1 asks how many more the environment's
--                                                      limit lets pass now, and when the next becomes free
--   shadowed reason count limit trips                  start it now; `on` would have mollified it; so many levels
--                                                      tripped that were not
--   mirrored reason count limit wake trips             start it now; a copy is kept to be compared with the row
--   accepted reason count limit position depth orgs rate wake trips    it is kept; wake = 1 asks for a drainer
--   duplicate_send outcome id                          this very request was passed or accepted under that id
--   existing id age_ms | mismatch id                   the idempotency key is bound, with the same or another body
--   no_room buffered                                   so many of its group are buffered; nothing is written
--   full level depth rate                              a cap is reached; nothing is written
local totals = KEYS[1]
local entry = KEYS[2]
local queue = KEYS[3]
local env = KEYS[4]
local org = KEYS[5]
local ready_orgs = KEYS[6]
local ready_envs = KEYS[7]
local spent_orgs = KEYS[8]
local spent_envs = KEYS[9]
local depth = KEYS[10]
local heads = KEYS[11]
local passes = KEYS[12]
local hold = KEYS[13]
local binding = KEYS[14]
local sent = KEYS[15]
local mirror = KEYS[16]
local mirrored = KEYS[17]
local drainer = KEYS[18]
local pending = KEYS[19]
local wake = KEYS[20]
local counters = KEYS[21]
local flow = KEYS[22]
local now = tonumber(ARGV[1])
local id = ARGV[2]
local owner = ARGV[3]
local name = ARGV[4]
local place = ARGV[5]
local mode = ARGV[6]
local forced = ARGV[7]
local sent_as = ARGV[8]
local bound_as = ARGV[9]
local fingerprint = ARGV[10]
local rebind_from = ARGV[11]
local binding_ttl_ms = tonumber(ARGV[12])
local mirror_for = tonumber(ARGV[13])
local cap_env_entries = tonumber(ARGV[14])
local cap_env_bytes = tonumber(ARGV[15])
local cap_org_entries = tonumber(ARGV[16])
local cap_org_bytes = tonumber(ARGV[17])
local cap_total_entries = tonumber(ARGV[18])
local cap_total_bytes = tonumber(ARGV[19])
local snapshot = ARGV[20]
local tell = ARGV[21]
local room = ARGV[22]
local levels = tonumber(ARGV[23])

local TAIL, SENT_MS, BRIEF_MS = 24, 600000, 60000
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local function answer(outcome, ...)
  redis.call('HINCRBY', counters, 'gate:' .. outcome .. ':' .. (... or ''), 1)
  return {outcome, ...}
end
for i = TAIL + 5 * levels, #ARGV, 2 do redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1]) end
-- Wakes the drainer that leads; answers 1 when the caller is to ask for one.
local known
local function nudge()
  if known[1] then
    if redis.call('LLEN', wake) == 0 then redis.call('LPUSH', wake, '1') end
  elseif not known[2] then
    redis.call('SET', pending, '1', 'PX', 3000)
    return 1
  end
  return 0
end

-- 1. The same request again: the first answer, and nothing is counted or kept twice.
local key = bound_as ~= '' and binding .. place .. ':' .. bound_as
local request = sent_as ~= '' and forced == '' and sent .. place .. ':' .. sent_as
local wanted = {drainer, pending}
for i = 1, levels do wanted[2 + i] = hold .. ARGV[TAIL + 5 * i - 4] end
wanted[3 + levels] = key or request or nil
if key then wanted[4 + levels] = request or nil end
known = redis.call('MGET', unpack(wanted))
local bound = key and known[3 + levels]
local before = request and known[#wanted]
if before then
  redis.call('HINCRBY', counters, 'gate:duplicate_send:', 1)
  return {'duplicate_send', string.match(before, '^(%S+) (%S+)$')}
end
local function remember(outcome)
  if request then redis.call('SET', request, outcome .. ' ' .. id, 'PX', SENT_MS) end
end

-- 2. The idempotency key: free, ours, or another's.
if bound then
  local by, print, at = string.match(bound, '^(%S+) (%S+) (%d+)$')
  if by ~= id and by ~= rebind_from then
    if print ~= fingerprint then
      redis.call('HINCRBY', counters, 'gate:mismatch:', 1)
      return {'mismatch', by}
    end
    redis.call('HINCRBY', counters, 'gate:existing:', 1)
    return {'existing', by, math.floor((now - at) / 1000)}
  end
end
-- What bindings take is estimated: each is forgotten as it would expire. Beyond a quarter of the cap they live briefly.
local value = key and string.format('%s %s %.0f', id, fingerprint, now)
local function bindings_with_it(so_far, at)
  local age_ms = math.max(0, now - tonumber(at or now)) / 1000
  return math.floor(tonumber(so_far or 0) * math.exp(-age_ms / binding_ttl_ms)) + #key + #value + 64
end

-- The room of its group; who is kept already takes none of it again.
local left_in_group, group
if room ~= '' then
  left_in_group, group = string.match(room, '^(%-?%d+) (%S+)$')
  local buffered = tonumber(redis.call('HGET', env .. place, 'g:' .. group) or 0)
  if buffered >= tonumber(left_in_group) and redis.call('EXISTS', entry .. id) == 0 then
    redis.call('HINCRBY', counters, 'gate:no_room:', 1)
    return {'no_room', buffered}
  end
end

-- 3. The limits: a level is full when its limit-th newest pass is younger than the window, so no window ever holds
-- more. Every full level trips, the first that is full or held is the reason. What lies further ahead than it could is
-- of a clock that went back since.
local reason, count, limit, trips = forced ~= '' and forced, 0, 0, 0
for i = 1, forced == '' and levels or 0 do
  local at = TAIL + 5 * i - 5
  local most = tonumber(ARGV[at + 2])
  local nth = redis.call('LINDEX', passes .. ARGV[at + 1], most - 1)
  local full = nth and math.abs(now - nth) < tonumber(ARGV[at + 3])
  local held_for = known[2 + i] and known[2 + i] - now or 0
  local held = held_for > 0 and held_for <= math.max(tonumber(ARGV[at + 4]), BRIEF_MS * 1000)
  if full then
    trips = trips + (held and 0 or 1)
    redis.call('SET', wanted[2 + i], now + ARGV[at + 4], 'PX', math.floor(ARGV[at + 4] / 1000) + 60000)
  end
  if not reason and (full or held) then
    reason, count, limit = ARGV[at], most, most
  end
end

if reason and mode == 'shadow' then return answer('shadowed', reason, count, limit, trips) end

-- 4. Order: behind queued and leased entries of the same environment.
local here = redis.call('HMGET', env .. place, 'n', 'q', 'h', 'b', 'm')
local n, q, b, m = tonumber(here[1]) or 0, tonumber(here[2]) or 0, tonumber(here[4]) or 0, tonumber(here[5]) or 0
local ahead = n - (tonumber(here[3]) or 0)
if not reason and ahead > 0 then reason, count = 'backlog', ahead end

-- How many of the last passes are inside the window, by halving, since they are ordered; what is left, and for how long.
local function room_left(list, most, window)
  local low, high = 0, most
  while low < high do
    local middle = math.floor((low + high) / 2)
    local at = redis.call('LINDEX', list, middle)
    if at and now - at < window then low = middle + 1 else high = middle end
  end
  return most - low, redis.call('LINDEX', list, low - 1) + window - now
end

if not reason then
  local left, free_in
  for at = TAIL, TAIL + 5 * levels - 5, 5 do
    local list, most = passes .. ARGV[at + 1], tonumber(ARGV[at + 2])
    if redis.call('LPUSH', list, now) > most then redis.call('LTRIM', list, 0, most - 1) end
    redis.call('PEXPIRE', list, math.floor(ARGV[at + 3] / 1000) + 60000)
    if tell == '1' and ARGV[at] == 'env_rate' then left, free_in = room_left(list, most, tonumber(ARGV[at + 3])) end
  end
  if mode == 'on' and key then
    local taken = bindings_with_it(unpack(redis.call('HMGET', totals, 'bound', 'bound_at')))
    local brief = cap_total_bytes > 0 and taken > cap_total_bytes / 4
    redis.call('HSET', totals, 'bound', taken, 'bound_at', now)
    redis.call('SET', key, value, 'PX', brief and math.min(BRIEF_MS, binding_ttl_ms) or binding_ttl_ms)
  end
  if mode == 'on' then remember('passed') end
  return answer('passed', 'room', left, free_in)
elseif mode == 'shadow' then
  return answer('shadowed', reason, count, limit, trips)
end

-- 5. Caps: refused before anything is written.
local whole = redis.call('HMGET', totals, 'n', 'q', 'b', 'seq', 'rate', 'mirrored', 'mirrored_bytes',
  'bound', 'bound_at')
local ours = redis.call('HMGET', org .. owner, 'n', 'b')
local all_n, all_b = tonumber(whole[1]) or 0, tonumber(whole[3]) or 0
local org_n, org_b = tonumber(ours[1]) or 0, tonumber(ours[2]) or 0
local seq = math.max((tonumber(whole[4]) or 0) + 1, now)
-- What it is charged: its bytes, and a flat share for the header.
local size, rate = #snapshot + 128, whole[5] or '0'
local known_by = (key and bound_as or '-') .. (group and '/' .. group or '')
local head = string.format('1 %s %d %s %.0f %s %s\n', known_by, size, place, seq, mode, reason)
local function over(used, more, cap) return cap > 0 and used + more > cap end
if mode == 'mirror' then
  local mirrors, mirror_bytes = tonumber(whole[6] or 0), tonumber(whole[7] or 0)
  if over(all_n + mirrors, 1, cap_total_entries) or over(all_b + mirror_bytes, size, cap_total_bytes) then
    redis.call('HINCRBY', counters, 'mirrored:skipped', 1)
    return answer('shadowed', reason, count, limit, trips)
  end
  if redis.call('SET', mirror .. id, head .. snapshot, 'NX') then
    redis.call('ZADD', mirrored, now + mirror_for, id)
    redis.call('HSET', totals, 'mirrored', mirrors + 1, 'mirrored_bytes', mirror_bytes + size, 'seq', seq)
  end
  redis.call('HINCRBY', counters, 'gate:mirrored:' .. reason, 1)
  return {'mirrored', reason, count, limit, nudge(), trips}
end
if over(n, 1, cap_env_entries) or over(b, size, cap_env_bytes) then return answer('full', 'env', n, rate) end
if over(org_n, 1, cap_org_entries) or over(org_b, size, cap_org_bytes) then
  return answer('full', 'org', org_n, rate)
end
if over(all_n, 1, cap_total_entries) or over(all_b, size, cap_total_bytes) then
  return answer('full', 'total', all_n, rate)
end

-- 6. Keep it, at the end of its queue.
if not redis.call('SET', entry .. id, head .. snapshot, 'NX') then
  return {'accepted', reason, count, limit, math.max(ahead, 1), all_n, redis.call('ZCARD', ready_orgs), rate, 0, 0}
end
remember('accepted')
if group then redis.call('HINCRBY', env .. place, 'g:' .. group, 1) end
redis.call('ZADD', queue .. place, seq, id)
redis.call('HSET', env .. place, 'n', n + 1, 'q', q + 1, 'b', b + size, 'm', math.max(m, size))
redis.call('HSET', org .. owner, 'n', org_n + 1, 'b', org_b + size)
local sums = {'n', all_n + 1, 'q', (tonumber(whole[2]) or 0) + 1, 'b', all_b + size, 'seq', seq}
if key then
  redis.call('SET', key, value)
  sums[9], sums[10], sums[11], sums[12] = 'bound', bindings_with_it(whole[8], whole[9]), 'bound_at', now
end
redis.call('HSET', totals, unpack(sums))

-- 7. Work where there was none: its start tag is the virtual time, or where it left off if that is later.
redis.call('ZINCRBY', depth, 1, owner)
local function start(spent, member)
  local tags = redis.call('ZMSCORE', spent, member, '/')
  redis.call('ZREM', spent, member)
  return math.max(tonumber(tags[1] or 0), tonumber(tags[2] or 0))
end
if q == 0 then
  redis.call('ZADD', heads, seq, place)
  redis.call('ZADD', ready_envs .. owner, start(spent_envs .. owner, name), name)
  if not redis.call('ZSCORE', ready_orgs, owner) then redis.call('ZADD', ready_orgs, start(spent_orgs, owner), owner) end
end

local second = math.floor(now / 1000000)
local minute = flow .. math.floor(second / 60)
if redis.call('HINCRBY', minute, 'i' .. second % 60, 1) == 1 then redis.call('EXPIRE', minute, 4200) end
redis.call('HINCRBY', counters, 'gate:accepted:' .. reason, 1)
-- How many share the drainer matters only where others wait.
local orgs = n < all_n and redis.call('ZCARD', ready_orgs) or 1
return {'accepted', reason, count, limit, ahead + 1, all_n + 1, orgs, rate, nudge(), trips}
