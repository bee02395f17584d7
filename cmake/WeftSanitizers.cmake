# WEFT_SANITIZE -> weft_sanitize_flags, which WeftLibrary gives to the library as PUBLIC flags: whoever links a sanitized
# weft has to be sanitized in the same way, or does not link.
#
# Also finds out how sanitized programs have to be started. The ThreadSanitizer runtime of g++ 12 maps its shadow at fixed
# addresses and gives up ("unexpected memory mapping") on kernels that randomise more than 28 bits of an address; there the
# tests are started through `setarch -R`, which switches the randomisation off for one process.

set(weft_sanitize_flags "")
set(weft_test_launcher "")
set(weft_test_environment "")

if(WEFT_SANITIZE)
  foreach(sanitizer IN LISTS WEFT_SANITIZE)
    if(NOT sanitizer MATCHES "^(address|thread|undefined)$")
      message(FATAL_ERROR "WEFT_SANITIZE: '${sanitizer}' is none of address, thread, undefined")
    endif()
  endforeach()
  string(REPLACE ";" "," weft_sanitize_list "${WEFT_SANITIZE}")
  set(weft_sanitize_flags -fsanitize=${weft_sanitize_list} -fno-omit-frame-pointer)
  if("undefined" IN_LIST WEFT_SANITIZE)
    # A report that does not fail the program is a report that nobody reads.
    list(APPEND weft_sanitize_flags -fno-sanitize-recover=undefined)
    # With both, what ASan sees of a pointer is enough: g++ takes twice as long for these checks as for the rest of the program. The builds with
    # UBSan alone have them.
    if("address" IN_LIST WEFT_SANITIZE)
      list(APPEND weft_sanitize_flags -fno-sanitize=null,alignment,vptr,object-size)
    endif()
    set(weft_test_environment "UBSAN_OPTIONS=print_stacktrace=1")
  endif()
endif()

if("thread" IN_LIST WEFT_SANITIZE)
  set(weft_test_environment "TSAN_OPTIONS=second_deadlock_stack=1")
  if(NOT DEFINED WEFT_TSAN_LAUNCHER)
    try_compile(weft_tsan_compiles ${CMAKE_CURRENT_BINARY_DIR}/tsan_probe
      SOURCES ${CMAKE_CURRENT_LIST_DIR}/tsan_probe.cpp
      COMPILE_DEFINITIONS -fsanitize=thread
      LINK_OPTIONS -fsanitize=thread
      LINK_LIBRARIES -pthread
      COPY_FILE ${CMAKE_CURRENT_BINARY_DIR}/tsan_probe.bin
      OUTPUT_VARIABLE weft_tsan_output)
    if(NOT weft_tsan_compiles)
      message(FATAL_ERROR "ThreadSanitizer does not link with ${CMAKE_CXX_COMPILER}:\n${weft_tsan_output}")
    endif()
    # Each start draws new addresses, so one good run shows nothing.
    function(weft_probe_tsan result)
      foreach(round RANGE 1 30)
        execute_process(COMMAND ${ARGN} ${CMAKE_CURRENT_BINARY_DIR}/tsan_probe.bin
          RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
        if(NOT code EQUAL 0)
          set(${result} FALSE PARENT_SCOPE)
          return()
        endif()
      endforeach()
      set(${result} TRUE PARENT_SCOPE)
    endfunction()
    weft_probe_tsan(weft_tsan_runs)
    set(launcher "")
    if(NOT weft_tsan_runs)
      find_program(WEFT_SETARCH setarch)
      set(launcher ${WEFT_SETARCH} ${CMAKE_HOST_SYSTEM_PROCESSOR} -R)
      weft_probe_tsan(weft_tsan_runs ${launcher})
      if(NOT weft_tsan_runs)
        message(FATAL_ERROR "ThreadSanitizer programs of ${CMAKE_CXX_COMPILER} do not run here, nor through setarch -R")
      endif()
      message(STATUS "ThreadSanitizer needs fixed addresses on this kernel: tests start through setarch -R")
    endif()
    set(WEFT_TSAN_LAUNCHER "${launcher}" CACHE INTERNAL "How ThreadSanitizer programs are started")
  endif()
  set(weft_test_launcher ${WEFT_TSAN_LAUNCHER})
endif()
