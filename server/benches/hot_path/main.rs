//! Times the parts of the hot path: `cargo bench -p micro-socket`. The figures that do not depend
//! on a machine's noise, allocations and instructions, are tested in `tests/cost`.

mod work;

use divan::{Bencher, counter::ItemsCount};
use mimalloc::MiMalloc;
use work::REPLAYED;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::of("parse", 1));
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    bencher.bench_local(work::of("encode", 1));
}

#[divan::bench(args = [1, 100, 10_000], sample_size = 1000)]
fn publish(bencher: Bencher<'_, '_>, topics: usize) {
    bencher.bench_local(work::of("publish", topics));
}

#[divan::bench(args = [1, 10, 100, 1000, 10_000])]
fn deliver(bencher: Bencher<'_, '_>, subscribers: usize) {
    bencher.counter(ItemsCount::new(subscribers)).bench_local(work::of("deliver", subscribers));
}

#[divan::bench(args = [10, 100, 1000])]
fn churn(bencher: Bencher<'_, '_>, topics: usize) {
    bencher.bench_local(work::of("churn", topics));
}

#[divan::bench]
fn replay(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(REPLAYED)).bench_local(work::of("replay", 1));
}
