# The tools of `template`, `build` and `ci` are pinned in tests/e2e/requirements.txt and .ci/linters.txt.

[private]
default:
    @just --list

# Run the tests of the function, the event patterns and the embedded Batch; those of the tools run by their packages.
test:
    cargo test --package batch-canceller --package batch-sim --package event-pattern

# Simulate the whole system: for a minute, or as the arguments say.
simulate *arguments:
    cargo run --release --package simulation -- {{arguments}}

# Look for bytes that break the parsing, for so many seconds a target.
fuzz seconds="60":
    fuzz/run {{seconds}}

# Put deliberate defects in, and show which suite notices each.
defects *names:
    tests/defects/run {{names}}

# Change the pure parts in every small way, and show what no test notices; some files by `-F src/order.rs`.
mutants *arguments:
    cargo mutants -j1 --cargo-arg=--lib {{arguments}} || true
    cargo mutants -j1 --iterate --cargo-arg=--lib --cargo-arg=--test=engine --cargo-arg=--test=small_world {{arguments}} || [ $? -eq 3 ]

# Check formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Build the documentation.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Check what may be in the dependency tree.
deny:
    cargo deny check

# Check the template.
template:
    sam validate --lint --region us-east-1
    cfn-lint --append-rules cfn_lint_serverless.rules -- template.yaml policies/*.yaml policies/*/*.yaml

# Run the whole function on an embedded AWS Batch.
local:
    cargo run --example local

# Prove the function on the real pieces around it, all parts or those named.
e2e *parts:
    tests/e2e/run {{parts}}

# Build the function for Lambda on arm64.
build:
    cargo lambda build --release --arm64 --package batch-canceller --bin batch-canceller

# Measure the function beside what people use instead, all scenarios or those named.
bench *scenarios:
    bash bench/run {{scenarios}}

# Run all that CI runs.
ci:
    bash .ci/run
