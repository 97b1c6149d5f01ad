#!lua
-- Decides what becomes of one trigger in one step, and keeps it as an entry when it is mollified.
-- Times are in microseconds; now = 0 takes the server's clock. mode is `on` or `shadow`; shadow counts and reports,
-- and neither binds nor keeps anything. `forced` (a reason) skips limits, hold and order. The tail holds pairs of
-- counter and increment, which the caller could not report before. Outcomes:
--   passed                                             start it now
--   shadowed reason count limit                        start it now; `on` would have mollified it
--   accepted reason count limit position depth orgs rate wake    it is kept; wake = 1 asks for a drainer
--   existing id age_ms | mismatch id                   the idempotency key is bound, with the same or another body
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
local drainer = KEYS[15]
local pending = KEYS[16]
local wake = KEYS[17]
local counters = KEYS[18]
local flow = KEYS[19]
local now = tonumber(ARGV[1])
local id = ARGV[2]
local owner = ARGV[3]
local name = ARGV[4]
local place = ARGV[5]
local mode = ARGV[6]
local limit = tonumber(ARGV[7])
local window = tonumber(ARGV[8])
local hold_for = tonumber(ARGV[9])
local forced = ARGV[10]
local bound_as = ARGV[11]
local fingerprint = ARGV[12]
local rebind_from = ARGV[13]
local binding_ttl_ms = ARGV[14]
local cap_env_entries = tonumber(ARGV[15])
local cap_env_bytes = tonumber(ARGV[16])
local cap_org_entries = tonumber(ARGV[17])
local cap_org_bytes = tonumber(ARGV[18])
local cap_total_entries = tonumber(ARGV[19])
local cap_total_bytes = tonumber(ARGV[20])
local snapshot = ARGV[21]

if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local function answer(outcome, ...)
  redis.call('HINCRBY', counters, 'gate:' .. outcome .. ':' .. (... or ''), 1)
  return {outcome, ...}
end
for i = 22, #ARGV, 2 do redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1]) end

-- 1. The idempotency key: free, ours, or another's.
local key = bound_as ~= '' and binding .. place .. ':' .. bound_as
local known = redis.call('MGET', hold .. place, drainer, pending, key or pending)
if key and known[4] then
  local by, print, at = string.match(known[4], '^(%S+) (%S+) (%d+)$')
  if by ~= id and by ~= rebind_from then
    redis.call('HINCRBY', counters, print == fingerprint and 'gate:existing:' or 'gate:mismatch:', 1)
    if print ~= fingerprint then return {'mismatch', by} end
    return {'existing', by, math.floor((now - at) / 1000)}
  end
end
local function bind(...)
  if key then redis.call('SET', key, string.format('%s %s %.0f', id, fingerprint, now), ...) end
end

-- 2. The limit: full when the limit-th newest pass is younger than the window, so no window ever holds more.
local reason, count = false, limit
if forced ~= '' then
  reason = forced
elseif limit > 0 then
  local nth = redis.call('LINDEX', passes .. place, limit - 1)
  if nth and now - nth < window then
    reason = 'env_rate'
    redis.call('SET', hold .. place, now + hold_for, 'PX', math.floor(hold_for / 1000) + 60000)
  elseif known[1] and now < tonumber(known[1]) then
    reason = 'env_rate'
  end
end

-- 3. Order: behind queued and leased entries of the same environment.
local here = redis.call('HMGET', env .. place, 'n', 'q', 'h', 'b', 'm')
local n, q, b, m = tonumber(here[1]) or 0, tonumber(here[2]) or 0, tonumber(here[4]) or 0, tonumber(here[5]) or 0
local ahead = n - (tonumber(here[3]) or 0)
if not reason and ahead > 0 then reason, count = 'backlog', ahead end

if not reason or mode == 'shadow' then
  if reason then return answer('shadowed', reason, count, limit) end
  if limit > 0 then
    if redis.call('LPUSH', passes .. place, now) > limit then redis.call('LTRIM', passes .. place, 0, limit - 1) end
    redis.call('PEXPIRE', passes .. place, math.floor(window / 1000) + 60000)
  end
  if mode == 'on' then bind('PX', binding_ttl_ms) end
  return answer('passed', 'room')
end

-- 4. Caps: refused before anything is written.
local whole = redis.call('HMGET', totals, 'n', 'q', 'b', 'seq', 'rate')
local ours = redis.call('HMGET', org .. owner, 'n', 'b')
local all_n, all_b = tonumber(whole[1]) or 0, tonumber(whole[3]) or 0
local org_n, org_b = tonumber(ours[1]) or 0, tonumber(ours[2]) or 0
local seq = math.max((tonumber(whole[4]) or 0) + 1, now)
-- What it is charged: its bytes, and a flat share for the header.
local size, rate = #snapshot + 128, whole[5] or '0'
local head = string.format('1 %s %d %s %.0f %s %s\n', key and bound_as or '-', size, place, seq, mode, reason)
local function over(used, more, cap) return cap > 0 and used + more > cap end
if over(n, 1, cap_env_entries) or over(b, size, cap_env_bytes) then return answer('full', 'env', n, rate) end
if over(org_n, 1, cap_org_entries) or over(org_b, size, cap_org_bytes) then
  return answer('full', 'org', org_n, rate)
end
if over(all_n, 1, cap_total_entries) or over(all_b, size, cap_total_bytes) then
  return answer('full', 'total', all_n, rate)
end

-- 5. Keep it, at the end of its queue.
if not redis.call('SET', entry .. id, head .. snapshot, 'NX') then
  return {'accepted', reason, count, limit, math.max(ahead, 1), all_n, redis.call('ZCARD', ready_orgs), rate, 0}
end
bind()
redis.call('ZADD', queue .. place, seq, id)
redis.call('HSET', env .. place, 'n', n + 1, 'q', q + 1, 'b', b + size, 'm', math.max(m, size))
redis.call('HSET', org .. owner, 'n', org_n + 1, 'b', org_b + size)
redis.call('HSET', totals, 'n', all_n + 1, 'q', (tonumber(whole[2]) or 0) + 1, 'b', all_b + size, 'seq', seq)

-- 6. Work where there was none: its start tag is the virtual time, or where it left off if that is later.
local org_depth = redis.call('ZINCRBY', depth, 1, owner)
local function start(spent, member)
  local tags = redis.call('ZMSCORE', spent, member, '/')
  redis.call('ZREM', spent, member)
  return math.max(tonumber(tags[1] or 0), tonumber(tags[2] or 0))
end
if q == 0 then
  redis.call('ZADD', heads, seq, place)
  redis.call('ZADD', ready_envs .. owner, start(spent_envs .. owner, name), name)
  if tonumber(org_depth) == 1 then redis.call('ZADD', ready_orgs, start(spent_orgs, owner), owner) end
end

-- 7. Nudge the drainer that leads, or ask the caller for one.
local asked = 0
if known[2] then
  if redis.call('LLEN', wake) == 0 then redis.call('LPUSH', wake, '1') end
elseif not known[3] then
  redis.call('SET', pending, '1', 'PX', 3000)
  asked = 1
end
local second = math.floor(now / 1000000)
local minute = flow .. math.floor(second / 60)
if redis.call('HINCRBY', minute, 'i' .. second % 60, 1) == 1 then redis.call('EXPIRE', minute, 4200) end
redis.call('HINCRBY', counters, 'gate:accepted:' .. reason, 1)
return {'accepted', reason, count, limit, ahead + 1, all_n + 1, redis.call('ZCARD', ready_orgs), rate, asked}
