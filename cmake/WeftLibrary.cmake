# weft_add_library(<name>): the library. A function, because the fault-injection tests build it a second time with hooks.

find_package(Threads REQUIRED)

# AUTO is decided here and not by the including program's NDEBUG: the inline parts of the library that a program compiles
# have to agree with the parts that are in the archive.
if(WEFT_ASSERTIONS STREQUAL "AUTO")
  if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR WEFT_SANITIZE)
    set(weft_assertions_value 1)
  else()
    set(weft_assertions_value 0)
  endif()
elseif(WEFT_ASSERTIONS)
  set(weft_assertions_value 1)
else()
  set(weft_assertions_value 0)
endif()

function(weft_add_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/src/*.cpp ${PROJECT_SOURCE_DIR}/api/src/*.cpp)
  add_library(${name} ${sources})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/api/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${name} PUBLIC Threads::Threads PRIVATE $<BUILD_INTERFACE:weft_build_options>)
  target_compile_definitions(${name} PUBLIC WEFT_ASSERTIONS=${weft_assertions_value})
  target_compile_options(${name} PUBLIC ${weft_sanitize_flags})
  target_link_options(${name} PUBLIC ${weft_sanitize_flags})
  set_target_properties(${name} PROPERTIES
    CXX_EXTENSIONS OFF
    UNITY_BUILD ${WEFT_UNITY_BUILD}
    UNITY_BUILD_BATCH_SIZE 20
    POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
