# The bundled variant (docs/bundled.md): DBK_BUNDLED=ON links the kernel with the static libraries that
# tools/bundle/libs.sh built, and makes an archive that needs nothing but libc.
# Included before the dependencies are looked for.
if(CMAKE_VERSION VERSION_LESS 3.22)
  message(FATAL_ERROR "DBK_BUNDLED needs CMake 3.22")
endif()
set(DBK_BUNDLE_PREFIX "" CACHE PATH "Where the static libraries are; tools/bundle/libs.sh prints it")
if(NOT EXISTS "${DBK_BUNDLE_PREFIX}/VERSIONS")
  message(FATAL_ERROR "DBK_BUNDLE_PREFIX='${DBK_BUNDLE_PREFIX}' holds no bundle: use make bundle")
endif()
set(ENV{PKG_CONFIG_PATH} "${DBK_BUNDLE_PREFIX}/lib/pkgconfig")
set(PKG_CONFIG_ARGN --static)

# What no exported function reaches is left out when everything is merged.
add_compile_options(-ffunction-sections -fdata-sections)

# What is looked up again when the prefix has changed.
if(NOT DBK_BUNDLE_PREFIX STREQUAL DBK_BUNDLE_PREFIX_USED)
  get_cmake_property(names CACHE_VARIABLES)
  foreach(name IN LISTS names)
    if(name MATCHES "^(pkgcfg_lib_|__pkg_config_)")
      unset(${name} CACHE)
    endif()
  endforeach()
  set(DBK_BUNDLE_PREFIX_USED "${DBK_BUNDLE_PREFIX}" CACHE INTERNAL "")
endif()

# What a binding links: add_dependencies(... databricks_sql_kernel_bundled) makes it first.
set(DBK_BUNDLED_ARCHIVE "${DBK_ARTIFACT_DIR}/libdatabricks_sql_kernel.a")

# dbk_old_glibc(target [dl]): a shared library of the bundled variant loads from glibc 2.28 on
# (tools/bundle/old_glibc.c). libpthread and libdl are where an older glibc has those functions; in a newer
# one they are empty. The archive needs nothing of this: it takes what it is linked with.
function(dbk_old_glibc target)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|aarch64)$")
    return()
  endif()
  foreach(name pthread ${ARGN})
    find_library(DBK_OLD_${name} NAMES lib${name}.so.0 lib${name}.so.2
                 PATHS "/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
    mark_as_advanced(DBK_OLD_${name})
    if(NOT DBK_OLD_${name}) # not glibc
      return()
    endif()
    target_link_options(${target} PRIVATE
        "LINKER:--push-state,--no-as-needed,${DBK_OLD_${name}},--pop-state")
  endforeach()
  target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tools/bundle/old_glibc.c")
endfunction()

# dbk_bundle(): called by dbk_library once both libraries are there.
function(dbk_bundle)
  # The version script already keeps every symbol but ours inside; the dynamic linker must not even ask.
  target_link_options(databricks_sql_kernel PRIVATE
      LINKER:--exclude-libs,ALL LINKER:-Bsymbolic LINKER:--gc-sections)
  dbk_old_glibc(databricks_sql_kernel)
  set_target_properties(databricks_sql_kernel_static PROPERTIES
      ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/objects")
  set(script "${PROJECT_SOURCE_DIR}/tools/bundle/archive.sh")
  add_custom_command(OUTPUT "${DBK_BUNDLED_ARCHIVE}"
      COMMAND ${CMAKE_COMMAND} -E env "LD=${CMAKE_LINKER}" "OBJCOPY=${CMAKE_OBJCOPY}" "AR=${CMAKE_AR}"
              "${script}" "${DBK_BUNDLED_ARCHIVE}" $<TARGET_FILE:databricks_sql_kernel_static>
              "${DBK_BUNDLE_PREFIX}/lib"
      DEPENDS databricks_sql_kernel_static "${script}"
      COMMENT "Merging the bundled archive" VERBATIM)
  add_custom_target(databricks_sql_kernel_bundled ALL DEPENDS "${DBK_BUNDLED_ARCHIVE}")
endfunction()
