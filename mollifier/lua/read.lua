#!lua flags=no-writes
-- Reads entries by id, each with its state. Outcome: id, state, entry, side fields, for each that is buffered.
local entry = KEYS[1]
local side = KEYS[2]
local queue = KEYS[3]
local alone = KEYS[4]
local delayed = KEYS[5]
local failed = KEYS[6]

local answer = {}
for _, id in ipairs(ARGV) do
  local text = redis.call('GET', entry .. id)
  local place = text and string.match(text, '^1 %S+ %d+ (%S+) ')
  if text then
    local state = 'leased'
    if redis.call('ZSCORE', delayed, id) then state = 'delayed'
    elseif redis.call('ZSCORE', failed, id) then state = 'failed'
    elseif redis.call('ZSCORE', alone, id) then state = 'queued'
    elseif place and redis.call('ZSCORE', queue .. place, id) then state = 'queued' end
    for _, part in ipairs({id, state, text, redis.call('HGETALL', side .. id)}) do answer[#answer + 1] = part end
  end
end
return answer
