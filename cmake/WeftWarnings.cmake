# weft_build_options: what weft's own targets (library, tests, examples, benchmarks) are compiled with, and nobody else's.
# It is linked privately, and into the library only through BUILD_INTERFACE, so it is neither inherited nor exported.

add_library(weft_build_options INTERFACE)

if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(weft_build_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC bug 105651: -Wrestrict reports "literal" + std::string, inside the standard library.
    target_compile_options(weft_build_options INTERFACE -Wno-restrict)
  endif()
endif()
if(WEFT_WARNINGS_AS_ERRORS)
  target_compile_options(weft_build_options INTERFACE -Werror)
endif()
if(WEFT_HARDENED_STDLIB)
  target_compile_definitions(weft_build_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# With WEFT_UNITY_BUILD: several sources to a compiler run, not so many that a processor is idle at the end.
function(weft_compile_together target)
  if(NOT WEFT_UNITY_BUILD)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 11)
  # What is included cannot be an anonymous namespace's own, g++ believes. And up to a gigabyte it need not look for what it could free, which takes
  # a tenth of its time.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage --param=ggc-min-heapsize=1048576)
  endif()
endfunction()
