-- What wrk asks for, and what it counted. Arguments: a path or "tree N", then pairs of field and value.
local requests = nil

function init(args)
  math.randomseed(tonumber(args[1]))
  local fields = {}
  for at = 3, #args, 2 do fields[args[at]] = args[at + 1] end
  local count = tonumber(string.match(args[2], "^tree (%d+)$"))
  if count then
    requests = {}
    for number = 0, count - 1 do
      requests[number] = wrk.format("GET", "/tree/" .. number .. ".bin", fields)
    end
    request = function() return requests[math.random(0, count - 1)] end
  else
    local only = wrk.format("GET", args[2], fields)
    request = function() return only end
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "bytes": %d, "errors": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
