# The options of the build. All are WEFT_*; what only a developer of weft wants is on only at top level.

option(WEFT_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_BENCHMARKS "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_BUILD_TOOLS "Build weft-gcc12-lint, the check for g++ 12's coroutine bugs" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_INSTALL "Generate the install rules" ${PROJECT_IS_TOP_LEVEL})
option(WEFT_WARNINGS_AS_ERRORS "Warnings in weft's own sources are errors" OFF)
option(WEFT_HARDENED_STDLIB "Check the standard library's preconditions (_GLIBCXX_ASSERTIONS) in weft's own sources" OFF)
option(WEFT_SOAK_TESTS "Register the stress tests a second time, as long soaks (label soak)" OFF)
set(WEFT_TEST_HEADERS ON CACHE STRING "Compile each header alone, as a test; PUBLIC: those that programs include")
set_property(CACHE WEFT_TEST_HEADERS PROPERTY STRINGS ON PUBLIC OFF)
option(WEFT_TEST_MODELS "Build the model-checked tests" ON)
option(WEFT_TEST_PACKAGE "Test the installed package, and the programs in the documents" ON)
option(WEFT_TEST_SHARDS "Run the unit tests in a dozen processes, not each in one of its own" OFF)
option(WEFT_UNITY_BUILD "Compile the library's sources, the tests' and the benchmarks', several to a compiler run: in half the time" OFF)

set(WEFT_SANITIZE "" CACHE STRING "Sanitizers: address, thread, undefined or a list such as address;undefined")
set(WEFT_ASSERTIONS AUTO CACHE STRING "Internal assertions: ON, OFF or AUTO (on in Debug and in sanitizer builds)")
set_property(CACHE WEFT_ASSERTIONS PROPERTY STRINGS AUTO ON OFF)
set(WEFT_TEST_FLAGS "" CACHE STRING "Compiler flags for the unit and conformance tests, after all others")
set(WEFT_SOAK_SECONDS 60 CACHE STRING "How long each soak runs")
set(WEFT_TEST_PREFIX "" CACHE STRING "What test names start with; the presets put their name here")

if(PROJECT_IS_TOP_LEVEL)
  get_property(weft_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
  if(NOT CMAKE_BUILD_TYPE AND NOT weft_multi_config)
    set_property(CACHE CMAKE_BUILD_TYPE PROPERTY VALUE Release)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

  # ccache where there is one. The sloppiness is what precompiled headers need to be cached at all.
  find_program(WEFT_CCACHE ccache)
  if(WEFT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${WEFT_CCACHE})
  endif()
endif()
