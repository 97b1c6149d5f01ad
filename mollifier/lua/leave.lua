#!lua flags=allow-oom
-- Gives up the lead, if the token has it. Outcome: how many entries, mirrored ones too, still wait for a drainer.
local totals = KEYS[1]
local failed = KEYS[2]
local mirrored = KEYS[3]
local drainer = KEYS[4]
local wake = KEYS[5]
local token = ARGV[1]

if redis.call('GET', drainer) == token then redis.call('DEL', drainer, wake) end
return tonumber(redis.call('HGET', totals, 'n') or 0) - redis.call('ZCARD', failed) + redis.call('ZCARD', mirrored)
