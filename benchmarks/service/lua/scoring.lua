-- The next point of one series after the other, or of any series where BENCH_ORDER is "random".
-- A series belongs to one thread, so that its points come in the order of time.

dofile(os.getenv("BENCH_LUA") .. "/report.lua")

local series = tonumber(os.getenv("BENCH_SERIES"))
local threads = tonumber(os.getenv("BENCH_THREADS"))
local start_s = tonumber(os.getenv("BENCH_START_S"))
local is_random = os.getenv("BENCH_ORDER") == "random"
local INTERVAL_S, DAY_POINTS = 300, 288
local asked, rounds = 0, {}

function request()
  local own = math.floor((series - number - 1) / threads) + 1
  local nth = is_random and math.random(0, own - 1) or asked % own
  local place = number + nth * threads
  local round = rounds[place] or 0
  asked, rounds[place] = asked + 1, round + 1
  local value = 100 + 10 * math.sin(2 * math.pi * round / DAY_POINTS) + 2 * math.random()
  local body = string.format(
    '{"timestamp": %d, "value": %.3f}', start_s + round * INTERVAL_S, value)
  return wrk.format("POST", "/v1/series/s-" .. place .. "/score", nil, body)
end
