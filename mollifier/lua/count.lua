#!lua flags=allow-oom
-- Adds what a process counted and no decision of the gate took along, a full Redis or not. The tail holds pairs of
-- counter and increment. Outcome: how many counters.
local counters = KEYS[1]

for i = 1, #ARGV, 2 do redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1]) end
return #ARGV / 2
