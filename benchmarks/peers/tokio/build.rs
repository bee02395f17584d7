// The version of tokio that the program is built with, out of the lock file.
fn main() {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let version = lock.split("[[package]]").find(|package| package.contains("name = \"tokio\"\n"));
    let version = version.and_then(|package| package.split("version = \"").nth(1)).and_then(|rest| rest.split('"').next());
    println!("cargo:rustc-env=TOKIO_VERSION={}", version.unwrap_or("of unknown version"));
}
