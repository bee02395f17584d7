// Rust's tokio, as a program that measures when told to; the protocol is in report/serve.hpp. Each program is the same work as weft's, a spawned
// task where weft has one. Usage: tokio_peer THREADS
use std::future::Future;
use std::io::BufRead;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Mutex, Notify, Semaphore};

const HOUR: Duration = Duration::from_secs(3600);

type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;

fn fib(n: u64) -> Boxed {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let a = tokio::spawn(fib(n - 1));
        let b = tokio::spawn(fib(n - 2));
        a.await.unwrap() + b.await.unwrap()
    })
}

fn skynet(first: u64, leaves: u64) -> Boxed {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / 10;
        let children: Vec<_> = (0..10).map(|i| tokio::spawn(skynet(first + i * part, part))).collect();
        let mut total = 0;
        for child in children {
            total += child.await.unwrap();
        }
        total
    })
}

async fn echo(value: u64) -> u64 {
    value
}

async fn call_await(times: u64) -> u64 {
    let mut sum = 0;
    for i in 0..times {
        sum += echo(i).await;
    }
    sum
}

async fn spawn_await(tasks: u64) -> u64 {
    let mut sum = 0;
    for i in 0..tasks {
        sum += tokio::spawn(echo(i)).await.unwrap();
    }
    sum
}

async fn gathers(width: u64, children: u64, value: fn(u64) -> u64) -> u64 {
    let mut sum = 0;
    for _ in (0..children).step_by(width as usize) {
        let tasks: Vec<_> = (0..width).map(|i| tokio::spawn(echo(value(i)))).collect();
        for task in tasks {
            sum += task.await.unwrap();
        }
    }
    sum
}

async fn yield_often(times: u64) -> u64 {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
    times
}

async fn join_all<F: Future<Output = u64> + Send + 'static>(futures: Vec<F>) -> u64 {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

async fn take_turns(mine: Arc<Notify>, other: Arc<Notify>, times: u64) -> u64 {
    for _ in 0..times {
        mine.notified().await;
        other.notify_one();
    }
    times
}

async fn event(times: u64) -> u64 {
    let (a, b) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = tokio::spawn(take_turns(a.clone(), b.clone(), times / 2));
    let second = tokio::spawn(take_turns(b, a.clone(), times / 2));
    a.notify_one();
    first.await.unwrap() + second.await.unwrap()
}

async fn lock_free(times: u64) -> u64 {
    let mutex = Mutex::new(0u64);
    for _ in 0..times {
        *mutex.lock().await += 1;
    }
    let held = *mutex.lock().await;
    held
}

async fn lock_contended(times: u64) -> u64 {
    let mutex = Arc::new(Mutex::new(0u64));
    let hold = |mutex: Arc<Mutex<u64>>| async move {
        for _ in 0..times / 4 {
            let mut held = mutex.lock().await;
            tokio::task::yield_now().await;
            *held += 1;
        }
        times / 4
    };
    join_all((0..4).map(|_| hold(mutex.clone())).collect()).await
}

async fn semaphore_free(times: u64) -> u64 {
    let semaphore = Semaphore::new(1);
    for _ in 0..times {
        let _permit = semaphore.acquire().await.unwrap();
    }
    times
}

async fn semaphore_contended(times: u64) -> u64 {
    let semaphore = Arc::new(Semaphore::new(1));
    let hold = |semaphore: Arc<Semaphore>| async move {
        for _ in 0..times / 4 {
            let _permit = semaphore.acquire().await.unwrap();
            tokio::task::yield_now().await;
        }
        times / 4
    };
    join_all((0..4).map(|_| hold(semaphore.clone())).collect()).await
}

async fn queue_unbounded(items: u64) -> u64 {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let producer = tokio::spawn(async move {
        for i in 0..items {
            sender.send(i).unwrap();
        }
    });
    let consumer = tokio::spawn(async move {
        let mut sum = 0;
        for _ in 0..items {
            sum += receiver.recv().await.unwrap();
        }
        sum
    });
    producer.await.unwrap();
    consumer.await.unwrap()
}

async fn queue_bounded(items: u64) -> u64 {
    let (sender, mut receiver) = mpsc::channel(16);
    let producer = tokio::spawn(async move {
        for i in 0..items {
            sender.send(i).await.unwrap();
        }
    });
    let consumer = tokio::spawn(async move {
        let mut sum = 0;
        for _ in 0..items {
            sum += receiver.recv().await.unwrap();
        }
        sum
    });
    producer.await.unwrap();
    consumer.await.unwrap()
}

async fn timeouts(times: u64) -> u64 {
    for _ in 0..times {
        tokio::time::timeout(HOUR, tokio::task::yield_now()).await.unwrap();
    }
    times
}

async fn sleepers(tasks: u64) -> Vec<tokio::task::JoinHandle<()>> {
    let asleep = Arc::new(AtomicU64::new(0));
    let handles = (0..tasks)
        .map(|_| {
            let asleep = asleep.clone();
            tokio::spawn(async move {
                asleep.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(HOUR).await;
            })
        })
        .collect();
    while asleep.load(Ordering::Relaxed) < tasks {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    handles
}

async fn cancel(handles: Vec<tokio::task::JoinHandle<()>>) -> u64 {
    for handle in &handles {
        handle.abort();
    }
    let mut cancelled = 0;
    for handle in handles {
        cancelled += handle.await.unwrap_err().is_cancelled() as u64;
    }
    cancelled
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

async fn memory_asleep(tasks: u64) -> Vec<f64> {
    let before = resident();
    let handles = sleepers(tasks).await;
    let after = resident();
    cancel(handles).await;
    vec![(after - before) / tasks as f64]
}

fn wake_up(runtime: &tokio::runtime::Runtime, rounds: u64) -> Vec<f64> {
    (0..rounds)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            let start = Instant::now();
            let task = runtime.spawn(async move { start.elapsed().as_nanos() as f64 });
            runtime.block_on(task).unwrap()
        })
        .collect()
}

fn submit(runtime: &tokio::runtime::Runtime, calls: u64) -> u64 {
    (0..calls).map(|_| runtime.block_on(runtime.spawn(echo(1))).unwrap()).sum()
}

async fn to_thread(calls: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..calls {
        sum += tokio::task::spawn_blocking(|| 1).await.unwrap();
    }
    sum
}

const PROGRAMS: &str = "fib skynet call_await spawn_await group gather2 gather10 gather1000 gather_once yield yield_in_turn event lock_free lock_contended \
                        semaphore_free semaphore_contended queue_1_1 queue_bounded timeouts cancel_asleep submit to_thread memory_asleep wake_up";

fn future_of(name: &str, size: u64) -> Option<Boxed> {
    let one: fn(u64) -> u64 = |_| 1;
    Some(match name {
        "fib" => fib(size),
        "skynet" => skynet(0, size),
        "call_await" => Box::pin(call_await(size)),
        "spawn_await" => Box::pin(spawn_await(size)),
        "group" => Box::pin(gathers(size, size, |i| i)),
        "gather2" => Box::pin(gathers(2, size, one)),
        "gather10" => Box::pin(gathers(10, size, one)),
        "gather1000" => Box::pin(gathers(1000, size, one)),
        "gather_once" => Box::pin(gathers(size, size, one)),
        "yield" => Box::pin(yield_often(size)),
        "yield_in_turn" => Box::pin(join_all((0..100).map(|_| yield_often(size / 100)).collect())),
        "event" => Box::pin(event(size)),
        "lock_free" => Box::pin(lock_free(size)),
        "lock_contended" => Box::pin(lock_contended(size)),
        "semaphore_free" => Box::pin(semaphore_free(size)),
        "semaphore_contended" => Box::pin(semaphore_contended(size)),
        "queue_1_1" => Box::pin(queue_unbounded(size)),
        "queue_bounded" => Box::pin(queue_bounded(size)),
        "timeouts" => Box::pin(timeouts(size)),
        "to_thread" => Box::pin(to_thread(size)),
        _ => return None,
    })
}

fn samples(values: Vec<f64>) -> String {
    values.iter().fold(String::from("samples"), |text, value| text + &format!(" {:.1}", value))
}

fn run(runtime: &tokio::runtime::Runtime, name: &str, size: u64, calls: u64) -> String {
    match name {
        "memory_asleep" => return samples(runtime.block_on(async move { tokio::spawn(memory_asleep(size)).await.unwrap() })),
        "wake_up" => return samples(wake_up(runtime, size)),
        _ => {}
    }
    let (mut seconds, mut result) = (0.0, 0);
    for _ in 0..calls {
        // The main task is spawned, so that it runs on a worker as weft's does.
        if name == "cancel_asleep" {
            let (count, time) = runtime.block_on(async move {
                let task = tokio::spawn(async move {
                    let handles = sleepers(size).await;
                    let start = Instant::now();
                    let count = cancel(handles).await;
                    (count, start.elapsed().as_secs_f64())
                });
                task.await.unwrap()
            });
            result = count;
            seconds += time;
            continue;
        }
        let start = Instant::now();
        result = if name == "submit" {
            submit(runtime, size)
        } else {
            match future_of(name, size) {
                Some(future) => runtime.block_on(async move { tokio::spawn(future).await.unwrap() }),
                None => return format!("error no program is called {}", name),
            }
        };
        seconds += start.elapsed().as_secs_f64();
    }
    format!("ok {:.9} {}", seconds, result)
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["version"] => format!("tokio {}", env!("TOKIO_VERSION")),
            ["programs"] => PROGRAMS.to_string(),
            ["run", name, size, calls] => run(&runtime, name, size.parse().unwrap_or(0), calls.parse().unwrap_or(1)),
            _ => format!("error not understood: {}", line),
        };
        println!("{}", answer);
    }
}
