# Outside libraries, all from Debian; each as one target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus QUIET)

pkg_check_modules(SQLCIPHER REQUIRED IMPORTED_TARGET sqlcipher>=3.40)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat>=2.5)
pkg_check_modules(IDN REQUIRED IMPORTED_TARGET libidn>=1.33)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(SECRET REQUIRED IMPORTED_TARGET libsecret-1)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(P11KIT REQUIRED IMPORTED_TARGET p11-kit-1>=0.24)
pkg_check_modules(TSS2 REQUIRED IMPORTED_TARGET tss2-esys>=3.2 tss2-mu tss2-rc tss2-tctildr)
# libunbound.pc asks for libevent headers that its plain API does not need.
find_library(UNBOUND_LIBRARY unbound REQUIRED)
add_library(postern_unbound INTERFACE)
target_link_libraries(postern_unbound INTERFACE ${UNBOUND_LIBRARY})

find_library(RNP_LIBRARY rnp REQUIRED)
find_path(RNP_INCLUDE rnp/rnp.h REQUIRED)
add_library(postern_rnp INTERFACE)
target_link_libraries(postern_rnp INTERFACE ${RNP_LIBRARY})
target_include_directories(postern_rnp SYSTEM INTERFACE ${RNP_INCLUDE})

# SQLCipher is SQLite with encryption at hand; without a key it is plain SQLite.
add_library(postern_sqlite INTERFACE)
target_link_libraries(postern_sqlite INTERFACE PkgConfig::SQLCIPHER)
target_compile_definitions(postern_sqlite INTERFACE SQLITE_HAS_CODEC)

# The daemon's memory: glibc's allocator keeps no block over 1,032 bytes ready for its thread, and requests, coroutines and TLS buffers are larger.
# Sanitizers bring their own. Linked even where nothing asks for it by name: it takes the place of malloc() for all libraries.
find_library(MIMALLOC_LIBRARY mimalloc REQUIRED)
add_library(postern_malloc INTERFACE)
if(NOT POSTERN_SANITIZE)
  target_link_libraries(postern_malloc INTERFACE -Wl,--push-state,--no-as-needed ${MIMALLOC_LIBRARY} -Wl,--pop-state)
endif()

# Boost.JSON for every room that speaks JSON; Asio and Beast (compiled once, in io/) only for the rooms that may know sockets.
add_library(postern_json INTERFACE)
target_link_libraries(postern_json INTERFACE Boost::json)
add_library(postern_asio INTERFACE)
target_link_libraries(postern_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(postern_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_BEAST_USE_STD_STRING_VIEW)

# The C header that vendors of X.400 libraries compile against; ours, but seen from outside as others see it.
add_library(postern_x400_sdk_header INTERFACE)
target_include_directories(postern_x400_sdk_header INTERFACE ${CMAKE_SOURCE_DIR}/include)

if(POSTERN_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  enable_testing()
endif()
