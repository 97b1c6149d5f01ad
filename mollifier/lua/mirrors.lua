#!lua flags=allow-oom
-- Gives mirrored entries that are due for their comparison, the oldest first, and puts each off by `again`: one whose
-- comparison is never reported is given once more. Outcome: id, text (false when it is gone), for each.
local mirror = KEYS[1]
local mirrored = KEYS[2]
local now = tonumber(ARGV[1])
local at_most = tonumber(ARGV[2])
local again = tonumber(ARGV[3])

if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local answer = {}
for _, id in ipairs(redis.call('ZRANGE', mirrored, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)) do
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('GET', mirror .. id)
  redis.call('ZADD', mirrored, now + again, id)
end
return answer
