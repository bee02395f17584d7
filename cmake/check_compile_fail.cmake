# cmake -DCOMPILER=... -DFILE=... -DWEFT_SOURCE=... -P check_compile_fail.cmake
# FILE compiles with -DWEFT_CONTROL; without it, it does not, and the compiler says each TEXT of its lines `// error: TEXT`.

set(command ${COMPILER} -std=c++20 -fsyntax-only -Werror -I${WEFT_SOURCE}/runtime/include -I${WEFT_SOURCE}/api/include ${FILE})

execute_process(COMMAND ${command} -DWEFT_CONTROL RESULT_VARIABLE code ERROR_VARIABLE errors)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "does not compile even with WEFT_CONTROL:\n${errors}")
endif()

execute_process(COMMAND ${command} RESULT_VARIABLE code ERROR_VARIABLE errors)
message("${errors}")
if(code EQUAL 0)
  message(FATAL_ERROR "compiles, and should not")
endif()
file(STRINGS ${FILE} wanted REGEX "// error: ")
if(wanted STREQUAL "")
  message(FATAL_ERROR "has no line `// error: TEXT`")
endif()
foreach(line IN LISTS wanted)
  string(REGEX REPLACE ".*// error: " "" text "${line}")
  string(FIND "${errors}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "the compiler does not say '${text}'")
  endif()
endforeach()
