# postern_room(NAME name LEVEL n [DEPENDS rooms...] [LINK targets...] [PCH headers...])
#
# One folder under src/, one static library postern_<name>, one test program postern_<name>_test from the *_test.cpp beside the code.
# LEVEL is the floor in ARCHITECTURE.md. A room may stand only on rooms of a lower floor, or on those of its own floor that were
# declared before it; tools/check_rooms.py then checks that no #include reaches a room that is not declared here.
# Every header is compiled alone (CMAKE_VERIFY_INTERFACE_HEADER_SETS; target all_verify_interface_header_sets, which make test and make lint
# build), so that a header that needs another's includes fails.
set_property(GLOBAL PROPERTY POSTERN_ROOMS "")
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ${POSTERN_VERIFY_HEADERS})

function(postern_room)
  cmake_parse_arguments(ROOM "" "NAME;LEVEL" "DEPENDS;LINK;PCH" ${ARGN})
  string(REPLACE "/" "_" id ${ROOM_NAME})
  set(dir ${CMAKE_SOURCE_DIR}/src/${ROOM_NAME})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.hpp ${dir}/testing/*.hpp)  # testing/: for the tests of other rooms
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(NOT headers)
    return()  # planned in the table, not built yet
  endif()

  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  endif()
  add_library(postern_${id} STATIC ${sources})
  target_sources(postern_${id} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${headers})
  target_link_libraries(postern_${id} PUBLIC postern_flags ${ROOM_LINK})
  foreach(dep ${ROOM_DEPENDS})
    string(REPLACE "/" "_" dep_id ${dep})
    get_property(dep_level GLOBAL PROPERTY POSTERN_LEVEL_${dep_id})
    if("${dep_level}" STREQUAL "")
      continue()  # planned, not built yet; an #include of it would fail tools/check_rooms.py
    endif()
    if(dep_level GREATER ROOM_LEVEL)
      message(FATAL_ERROR "room ${ROOM_NAME} (floor ${ROOM_LEVEL}) may not stand on ${dep} (floor '${dep_level}'): dependencies point down")
    endif()
    target_link_libraries(postern_${id} PUBLIC postern_${dep_id})
  endforeach()
  if(ROOM_PCH)
    target_precompile_headers(postern_${id} PRIVATE ${ROOM_PCH})
  endif()
  set_property(GLOBAL PROPERTY POSTERN_LEVEL_${id} ${ROOM_LEVEL})
  list(JOIN ROOM_DEPENDS "," deps)
  set_property(GLOBAL APPEND PROPERTY POSTERN_ROOMS "${ROOM_NAME}:${deps}")

  if(POSTERN_TESTS AND tests)
    add_executable(postern_${id}_test ${tests})
    target_link_libraries(postern_${id}_test PRIVATE postern_${id} GTest::gtest GTest::gmock GTest::gtest_main)
    if(ROOM_PCH)
      target_precompile_headers(postern_${id}_test REUSE_FROM postern_${id})
    endif()
    add_test(NAME unit.${id} COMMAND postern_${id}_test)
    set_tests_properties(unit.${id} PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# Writes the declared rooms for the include checker and hooks it into every build.
function(postern_check_rooms)
  get_property(rooms GLOBAL PROPERTY POSTERN_ROOMS)
  list(JOIN rooms "\n" rooms)
  file(WRITE ${CMAKE_BINARY_DIR}/rooms.txt "${rooms}\n")
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_custom_target(check_rooms ALL
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/check_rooms.py ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/rooms.txt
    COMMENT "Checking that dependencies point down" VERBATIM)
endfunction()
