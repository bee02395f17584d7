# cmake -DHOW=find_package|add_subdirectory|pkg_config -D... -P run_consumer.cmake; the variables are in CMakeLists.txt here.

file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})
set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
set(strict -Wall -Wextra -Werror)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "ended with ${code}: ${command}")
  endif()
  set(run_output "${output}" PARENT_SCOPE)
endfunction()

if(NOT HOW STREQUAL "add_subdirectory")
  # An install that was moved has to work too, so it is moved.
  run(${CMAKE_COMMAND} --install ${WEFT_BINARY} --prefix ${SCRATCH}/installed)
  file(RENAME ${SCRATCH}/installed ${SCRATCH}/prefix)
endif()

if(HOW STREQUAL "pkg_config")
  set(ENV{PKG_CONFIG_PATH} ${SCRATCH}/prefix/${LIBDIR}/pkgconfig)
  run(pkg-config --cflags --libs weft)
  separate_arguments(flags UNIX_COMMAND "${run_output}")
  run(${COMPILER} ${strict} ${consumer}/main.cpp ${flags} -Wl,-rpath,${SCRATCH}/prefix/${LIBDIR} -o ${SCRATCH}/consumer)
  run(${SCRATCH}/consumer)
  return()
endif()

list(JOIN strict " " strict_flags)
run(${CMAKE_COMMAND} -S ${consumer} -B ${SCRATCH}/build -G ${GENERATOR}
  -DHOW=${HOW}
  -DWEFT_SOURCE=${WEFT_SOURCE}
  -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix
  -DCMAKE_CXX_COMPILER=${COMPILER}
  "-DCMAKE_CXX_COMPILER_LAUNCHER=${COMPILER_LAUNCHER}"
  -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=${BUILD_TYPE_FLAGS}"
  "-DSTRICT_FLAGS=${strict}"
  "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${LAUNCHER} ${SCRATCH}/build/consumer)
