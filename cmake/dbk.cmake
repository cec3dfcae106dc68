# The building blocks that every folder uses:
#   dbk_room(...)          one folder of src/: objects, unit tests, fuzz targets
#   dbk_library()          the shared and static library from all rooms (called once, by the top)
#   dbk_program(...)       a program over the public headers (dbk; the programs of tests/e2e)
# Sources are always named one by one.

# ---- Flags ---------------------------------------------------------------------------------------
# dbk_flags carries everything that all C code of this project is compiled with.
add_library(dbk_flags INTERFACE)

set(dbk_warnings
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wcast-qual
    -Wwrite-strings -Wpointer-arith -Wformat=2 -Wundef -Wvla -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wswitch-enum -Wimplicit-fallthrough
    -Wdouble-promotion -Wnull-dereference)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND dbk_warnings -Wjump-misses-init -Wlogical-op -Wduplicated-cond)
endif()
if(DBK_WERROR)
  list(APPEND dbk_warnings -Werror)
endif()
target_compile_options(dbk_flags INTERFACE ${dbk_warnings} -fno-common)

# Linux and glibc features (pthread_setname_np, explicit_bzero, madvise) are asked for once, here:
# no source file defines a feature macro of its own.
target_compile_definitions(dbk_flags INTERFACE _GNU_SOURCE DBK_VERSION="${PROJECT_VERSION}")

# __FILE__ in messages is relative to the repository, whatever folder it was built in.
target_compile_options(dbk_flags INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Frame pointers cost about nothing and make every profiler and sanitizer report readable.
target_compile_options(dbk_flags INTERFACE -fno-omit-frame-pointer)

set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(dbk_flags INTERFACE DBK_DEBUG_CHECKS=1) # DBK_ASSERT stops the program
endif()
if(DBK_SANITIZE)
  target_compile_options(dbk_flags INTERFACE -fsanitize=${DBK_SANITIZE}
                                             -fno-sanitize-recover=all)
  target_link_options(dbk_flags INTERFACE -fsanitize=${DBK_SANITIZE})
  target_compile_definitions(dbk_flags INTERFACE DBK_SANITIZED=1)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(dbk_flags INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE
                                             -D_FORTIFY_SOURCE=2)
endif()
if(DBK_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "libFuzzer needs clang: cmake --preset fuzz")
  endif()
  target_compile_options(dbk_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Every library a finished artifact is linked with, whatever rooms exist yet.
set(dbk_system_libs PkgConfig::libcurl PkgConfig::libuv PkgConfig::openssl
                    PkgConfig::liblz4 PkgConfig::libzstd PkgConfig::jansson Threads::Threads)

# ---- dbk_room ------------------------------------------------------------------------------------
# dbk_room(NAME base
#          SOURCES error.c buf.c          the room
#          TESTS error_test.c buf_test.c  -> unit/base_test, CTest name unit.base
#          FUZZ fuzz_json.c               -> fuzz_json; corpus in fuzz/corpus/fuzz_json/
#          LIBS PkgConfig::jansson)       system libraries this room itself calls
#
# Tests and fuzz targets are linked with the objects of this room and of all rooms below, not with
# the library: they may call hidden functions, and a call up the stairs does not link.
function(dbk_room)
  cmake_parse_arguments(PARSE_ARGV 0 ROOM "" "NAME" "SOURCES;TESTS;FUZZ;LIBS")
  if(ROOM_UNPARSED_ARGUMENTS OR NOT ROOM_NAME OR NOT ROOM_SOURCES)
    message(FATAL_ERROR "dbk_room: NAME and SOURCES are needed; not understood: "
                        "'${ROOM_UNPARSED_ARGUMENTS}'")
  endif()
  foreach(lib IN LISTS ROOM_LIBS)
    if(NOT TARGET ${lib})
      message(FATAL_ERROR "dbk_room(${ROOM_NAME}): no library ${lib}; there are ${dbk_system_libs}")
    endif()
  endforeach()

  add_library(dbk_${ROOM_NAME} OBJECT ${ROOM_SOURCES})
  target_include_directories(dbk_${ROOM_NAME} PUBLIC "${PROJECT_SOURCE_DIR}/src"
                                                     "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(dbk_${ROOM_NAME} PUBLIC dbk_flags ${ROOM_LIBS} Threads::Threads)

  set_property(GLOBAL APPEND PROPERTY DBK_ROOM_TARGETS dbk_${ROOM_NAME})
  get_property(rooms GLOBAL PROPERTY DBK_ROOM_TARGETS)

  if(DBK_TESTS AND ROOM_TESTS)
    set(test ${ROOM_NAME}_test)
    add_executable(${test} ${ROOM_TESTS})
    # A test may follow a pointer it expects to be there: if it is not, the test fails, as it should.
    set_source_files_properties(${ROOM_TESTS} PROPERTIES COMPILE_OPTIONS -Wno-null-dereference)
    target_link_libraries(${test} PRIVATE dbk_unit ${rooms})
    set_target_properties(${test} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/unit")
    add_test(NAME unit.${ROOM_NAME} COMMAND ${test}
             WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    dbk_test_properties(unit.${ROOM_NAME} 300) # seconds when alone; minutes beside other builds
  endif()

  foreach(source IN LISTS ROOM_FUZZ)
    dbk_fuzz_target("${source}" "${rooms}")
  endforeach()
endfunction()

# Time limit and sanitizer settings of one CTest test.
function(dbk_test_properties name seconds)
  if(DBK_SANITIZE) # several times slower, and CI has two cores
    math(EXPR seconds "${seconds} * 5")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds})
  if(DBK_SANITIZE MATCHES "thread")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
        "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tools/tsan.supp:halt_on_error=1:allocator_may_return_null=1")
  elseif(DBK_SANITIZE)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
        "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tools/lsan.supp:print_suppressions=0")
  endif()
endfunction()

# In the fuzz preset: a libFuzzer program. In every other build with tests: the same source with
# fuzz/replay.c, which feeds it the committed corpus, so that a crash once found stays fixed and the
# targets keep compiling.
function(dbk_fuzz_target source rooms)
  get_filename_component(name "${source}" NAME_WE)
  if(DBK_FUZZ)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${rooms})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
    set_property(GLOBAL APPEND PROPERTY DBK_FUZZ_TARGETS ${name})
  elseif(DBK_TESTS)
    add_executable(${name}_replay ${source} "${PROJECT_SOURCE_DIR}/fuzz/replay.c")
    target_link_libraries(${name}_replay PRIVATE ${rooms})
    set_target_properties(${name}_replay PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/unit")
    add_test(NAME fuzz.${name} COMMAND ${name}_replay "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
    dbk_test_properties(fuzz.${name} 120)
  endif()
endfunction()

# ---- dbk_library ---------------------------------------------------------------------------------
function(dbk_library)
  get_property(rooms GLOBAL PROPERTY DBK_ROOM_TARGETS)
  if(NOT rooms)
    message(STATUS "no room has been laid yet: no library")
    return()
  endif()
  set(objects "")
  foreach(room IN LISTS rooms)
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endforeach()

  set(map "${PROJECT_SOURCE_DIR}/cmake/exports.map")
  add_library(databricks_sql_kernel SHARED ${objects})
  set_target_properties(databricks_sql_kernel PROPERTIES
      SOVERSION 1 LINKER_LANGUAGE C LINK_DEPENDS "${map}"
      LIBRARY_OUTPUT_DIRECTORY "${DBK_ARTIFACT_DIR}")
  target_include_directories(databricks_sql_kernel INTERFACE
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
      "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(databricks_sql_kernel PRIVATE dbk_flags ${dbk_system_libs})
  # nodelete: threads of the library may still run when a host calls dlclose.
  # Bsymbolic-functions: a process may hold another kernel that exports the same names; our calls to
  # our own functions stay ours.
  target_link_options(databricks_sql_kernel PRIVATE
      "LINKER:--version-script=${map}" LINKER:-z,relro,-z,now,-z,noexecstack,-z,nodelete
      LINKER:-Bsymbolic-functions LINKER:--as-needed)
  if(NOT DBK_SANITIZE) # clang leaves the sanitizer's own symbols open in shared libraries
    target_link_options(databricks_sql_kernel PRIVATE LINKER:--no-undefined)
  endif()
  dbk_strip(databricks_sql_kernel)

  add_library(databricks_sql_kernel_static STATIC ${objects})
  set_target_properties(databricks_sql_kernel_static PROPERTIES
      OUTPUT_NAME databricks_sql_kernel LINKER_LANGUAGE C
      ARCHIVE_OUTPUT_DIRECTORY "${DBK_ARTIFACT_DIR}")
  target_include_directories(databricks_sql_kernel_static INTERFACE
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
      "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(databricks_sql_kernel_static PUBLIC ${dbk_system_libs})
  if(DBK_BUNDLED)
    dbk_bundle()
  endif()

  configure_file("${PROJECT_SOURCE_DIR}/cmake/databricks_sql_kernel.pc.in"
                 "${PROJECT_BINARY_DIR}/databricks_sql_kernel.pc" @ONLY)
  install(TARGETS databricks_sql_kernel databricks_sql_kernel_static)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
          FILES_MATCHING PATTERN "*.h")
  install(FILES "${PROJECT_BINARY_DIR}/databricks_sql_kernel.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

function(dbk_strip target)
  if(DBK_STRIP)
    target_link_options(${target} PRIVATE LINKER:-s)
  endif()
endfunction()

# ---- dbk_program ---------------------------------------------------------------------------------
# dbk_program(NAME dbk SOURCES main.c table.c [LIBS PkgConfig::libuv] [INSTALL])
# A program that sees only include/ and is linked with the shared library beside it: written to
# <artifacts>/<name>, or with TEST to <artifacts>/tests/<name>.
# Artifacts are in build/ for the release preset, in build/cmake/<preset>/ for the others; the
# end-to-end tests find them through the environment variable DBK_BUILD_DIR (default: build).
function(dbk_program)
  cmake_parse_arguments(PARSE_ARGV 0 PROG "TEST;INSTALL" "NAME" "SOURCES;LIBS")
  if(PROG_UNPARSED_ARGUMENTS OR NOT PROG_NAME OR NOT PROG_SOURCES)
    message(FATAL_ERROR "dbk_program: NAME and SOURCES are needed; not understood: "
                        "'${PROG_UNPARSED_ARGUMENTS}'")
  endif()
  set(folder "${DBK_ARTIFACT_DIR}")
  set(origin "$ORIGIN")
  if(PROG_TEST)
    set(folder "${DBK_ARTIFACT_DIR}/tests")
    set(origin "$ORIGIN/..")
  endif()
  add_executable(${PROG_NAME} ${PROG_SOURCES})
  target_link_libraries(${PROG_NAME} PRIVATE dbk_flags databricks_sql_kernel ${PROG_LIBS}
                                             Threads::Threads)
  target_link_options(${PROG_NAME} PRIVATE LINKER:-z,relro,-z,now,-z,noexecstack)
  set_target_properties(${PROG_NAME} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${folder}" BUILD_RPATH "${origin}" BUILD_RPATH_USE_ORIGIN ON
      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  if(NOT PROG_TEST)
    dbk_strip(${PROG_NAME})
  endif()
  if(PROG_INSTALL)
    install(TARGETS ${PROG_NAME})
  endif()
endfunction()
