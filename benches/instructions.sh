#!/usr/bin/env bash
# Instructions and allocations of the layer for each request, by callgrind; fails if a bound breaks.
set -euo pipefail
cd "$(dirname "$0")/.."
few=200 many=1200

bench=$(cargo bench --locked --bench instructions --no-run --message-format=json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*instructions[^"]*\)".*/\1/p' | tail -n 1)
[ -x "$bench" ] || { echo "wanted the bench instructions, found nothing built"; exit 1; }

count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$1" "$2" 2>&1 >/dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

declare -A instructions allocations
while read -r case base; do
  instructions[$case]=$((($(count "$case" "$many") - $(count "$case" "$few")) / (many - few)))
done < <("$bench" cases)
while read -r case number; do allocations[$case]=$number; done < <("$bench" allocations)

# The most that a case may add to the one without the layer: what was measured, and a twentieth.
declare -A most_instructions=(
  [axum-layer]=2180 [axum-write]=3290 [hyper-layer]=1790 [axum-stream-layer]=3220 [hyper-stream-layer]=2360
  [two-named-unwatched]=1100 [watched]=11640 [watched-named]=2400 [watched-two-named]=1935
  [watched-three-named]=1990 [watched-named-two-writes]=1260 [watched-head-two-writes]=1345
  [named-two-writes]=400 [head-two-writes]=625 [watched-named-eight]=610
  [watched-reported]=580 [watched-timed]=1305 [watched-inspected]=7690 [server-timing]=12480
  [policy-no-field]=4790 [policy-one-field]=870 [policy-five-fields]=2440
)
declare -A most_allocations=(
  [axum-layer]=4 [axum-write]=4 [hyper-layer]=3 [axum-stream-layer]=4 [hyper-stream-layer]=3
  [two-named-unwatched]=0 [watched]=7 [watched-named]=0 [watched-two-named]=0 [watched-three-named]=0
  [watched-named-two-writes]=0 [watched-head-two-writes]=0 [watched-reported]=0 [watched-timed]=3
  [watched-inspected]=8 [server-timing]=18
  [policy-no-field]=5 [policy-one-field]=0 [policy-five-fields]=0
)

broken=0
echo "| case | instructions | over identity | allocations | over identity |"
echo "|---|---|---|---|---|"
while read -r case base; do
  more="" extra=""
  if [ -n "$base" ]; then
    more=$((instructions[$case] - instructions[$base]))
    extra=$((allocations[$case] - allocations[$base]))
    if [ "$more" -gt "${most_instructions[$case]:-1000000}" ]; then
      broken=1; echo "$case: wanted at most ${most_instructions[$case]} instructions, found $more" >&2
    fi
    if [ "$extra" -gt "${most_allocations[$case]:-1000}" ]; then
      broken=1; echo "$case: wanted at most ${most_allocations[$case]} allocations, found $extra" >&2
    fi
  fi
  echo "| $case | ${instructions[$case]} | ${more:+$more} | ${allocations[$case]} | ${extra:+$extra} |"
done < <("$bench" cases)
exit "$broken"
