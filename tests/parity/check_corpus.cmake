# cmake -DORACLE=weft_oracle [-DLAUNCHER=...] -DCORPORA=a.jsonl.gz|b.jsonl.gz -DARGUMENTS=... -P check_corpus.cmake
# Every outcome in the corpora is what weft_oracle --check finds. gzip is on every Debian.

foreach(list IN ITEMS LAUNCHER CORPORA ARGUMENTS)
  string(REPLACE "|" ";" ${list} "${${list}}")
endforeach()
foreach(corpus IN LISTS CORPORA)
  execute_process(
    COMMAND gzip --decompress --stdout ${corpus}
    COMMAND ${LAUNCHER} ${ORACLE} --check ${ARGUMENTS} -
    RESULTS_VARIABLE codes OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  get_filename_component(name ${corpus} NAME)
  message("${name}:\n${output}${errors}")
  if(NOT codes STREQUAL "0;0")
    message(FATAL_ERROR "gzip and weft_oracle ended with ${codes}")
  endif()
endforeach()
