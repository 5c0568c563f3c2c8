# What a contributor runs; `just` lists it.

_list:
    @just --list --unsorted

# all tests, all features, the documentation included
test *ARGS:
    cargo test --locked {{ARGS}}

# format, lints and documentation, as CI has them
check:
    cargo fmt --all --check
    cargo clippy --locked --all-targets --all-features -- -D warnings
    .ci/documents

# the house rules: floors, order inside rooms, sizes
architecture:
    cargo test --locked --test architecture

# the tests again and again beside busy loops
flaky RUNS="20" LOAD="4":
    .ci/flaky {{RUNS}} {{LOAD}}

# the public API against its listing; `accept` writes it anew
api *ARGS:
    .ci/public_api {{ARGS}}

# how many functions and files a request enters
paths *ARGS:
    benches/paths.py {{ARGS}}

# what the layer costs, in instructions
instructions:
    benches/instructions.sh

# changes of a file that no test notices
mutants FILE FEATURES *ARGS:
    .ci/mutants {{FILE}} {{FEATURES}} {{ARGS}}

# each fuzz target for a minute
fuzz:
    fuzz/run

# everything that has to hold on a clean checkout; wants root and Debian
ci:
    .ci/run
