# The peers that need packages of their own; included with WEFT_BENCH_PEERS=all. Each is built where it is found, and named in a line where not.
#
#   Asio          libasio-dev              in weft_bench
#   Boost.Fiber   libboost-fiber-dev       weft_peer_boost_fiber
#   Go            golang-go                weft_peer_go
#   tokio         cargo librust-tokio-dev  weft_peer_tokio: from the packages' own sources under /usr/share/cargo/registry, offline

function(weft_skip_peer name why)
  message(STATUS "Benchmarks: skipped: ${name}: ${why}")
endfunction()

find_path(WEFT_ASIO_INCLUDE asio/thread_pool.hpp)
if(WEFT_ASIO_INCLUDE)
  target_include_directories(weft_bench SYSTEM PRIVATE ${WEFT_ASIO_INCLUDE})
  target_compile_definitions(weft_bench PRIVATE WEFT_BENCH_ASIO=1)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Asio 1.22 knows of clang's coroutines only with clang's own library.
    set_source_files_properties(peers/asio.cpp PROPERTIES COMPILE_DEFINITIONS "ASIO_HAS_CO_AWAIT=1;ASIO_HAS_STD_COROUTINE=1")
  endif()
else()
  weft_skip_peer(Asio "no asio/thread_pool.hpp (libasio-dev)")
endif()

find_package(Boost QUIET COMPONENTS fiber)
if(TARGET Boost::fiber)
  add_executable(weft_peer_boost_fiber peers/boost_fiber.cpp $<TARGET_OBJECTS:weft_bench_data>)
  target_compile_features(weft_peer_boost_fiber PRIVATE cxx_std_20)
  target_link_libraries(weft_peer_boost_fiber PRIVATE weft_build_options Boost::fiber)
else()
  weft_skip_peer(Boost.Fiber "no Boost.Fiber (libboost-fiber-dev)")
endif()

set(peers_dir ${CMAKE_CURRENT_SOURCE_DIR}/peers)

find_program(WEFT_GO go)
if(WEFT_GO)
  add_custom_command(OUTPUT weft_peer_go
    COMMAND ${CMAKE_COMMAND} -E env GO111MODULE=off GOCACHE=${CMAKE_CURRENT_BINARY_DIR}/go_cache
            ${WEFT_GO} build -o ${CMAKE_CURRENT_BINARY_DIR}/weft_peer_go ${peers_dir}/go/main.go
    DEPENDS peers/go/main.go COMMENT "Building weft_peer_go" VERBATIM)
  add_custom_target(weft_peer_go_program ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/weft_peer_go)
else()
  weft_skip_peer(Go "no go (golang-go)")
endif()

# Debian's own, so that a newer toolchain in somebody's home does not decide what is measured.
find_program(WEFT_CARGO cargo PATHS /usr/bin NO_DEFAULT_PATH)
find_program(WEFT_RUSTC rustc PATHS /usr/bin NO_DEFAULT_PATH)
file(GLOB tokio_source /usr/share/cargo/registry/tokio-1.*)
if(WEFT_CARGO AND WEFT_RUSTC AND tokio_source)
  # Cargo writes its lock file beside the manifest, so it gets a copy.
  add_custom_command(OUTPUT weft_peer_tokio
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${peers_dir}/tokio ${CMAKE_CURRENT_BINARY_DIR}/tokio
    COMMAND ${CMAKE_COMMAND} -E env RUSTC=${WEFT_RUSTC} CARGO_HOME=${CMAKE_CURRENT_BINARY_DIR}/cargo_home
            ${WEFT_CARGO} build --release --offline --quiet --manifest-path ${CMAKE_CURRENT_BINARY_DIR}/tokio/Cargo.toml
            --target-dir ${CMAKE_CURRENT_BINARY_DIR}/tokio_target
            --config "source.crates-io.replace-with=\"debian\"" --config "source.debian.directory=\"/usr/share/cargo/registry\""
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/tokio_target/release/tokio_peer ${CMAKE_CURRENT_BINARY_DIR}/weft_peer_tokio
    DEPENDS peers/tokio/src/main.rs peers/tokio/build.rs peers/tokio/Cargo.toml COMMENT "Building weft_peer_tokio" VERBATIM)
  add_custom_target(weft_peer_tokio_program ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/weft_peer_tokio)
else()
  weft_skip_peer(tokio "no cargo and rustc in /usr/bin with tokio's sources (cargo, rustc, librust-tokio-dev)")
endif()
