# Compiles sources once per instruction set of x86-64 (base/instruction_set.h lists the sets and
# chooses one).
#
# Inline functions and templates of std, Eigen and our own headers are emitted by each version under
# the same name. The linker would keep one of them for the whole program, perhaps one with AVX-512.
# So the objects of a set are linked into one, in which only the kernels stay visible
# (tests/scripts/instruction_sets_test.py checks it).
#
# Uses binutils' programs: LLVM's, which CMake takes with clang, lack the options.
find_program(OSTEON_LD NAMES ld.bfd ld REQUIRED)
find_program(OSTEON_OBJCOPY objcopy REQUIRED)
mark_as_advanced(OSTEON_LD OSTEON_OBJCOPY)

set(OSTEON_FLAGS_avx2 -mavx2 -mfma)
set(OSTEON_FLAGS_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl)

# osteon_add_per_instruction_set(TARGET SOURCE...) adds the sources to TARGET, compiled once per set
# with OSTEON_CPU_SET defined as its name. Only definitions in osteon::cpu::OSTEON_CPU_SET stay
# visible.
function(osteon_add_per_instruction_set target)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)
  add_library(${target}_baseline OBJECT ${ARGN})
  osteon_compile_for_set(${target} baseline)
  osteon_objects_of(${target}_baseline objects)
  target_sources(${target} PRIVATE ${objects})
  if(OSTEON_BASELINE_ONLY OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    target_compile_definitions(${target} PUBLIC OSTEON_BASELINE_ONLY)
    target_compile_definitions(${target}_baseline PRIVATE OSTEON_BASELINE_ONLY)
    return()
  endif()
  foreach(set avx2 avx512)
    add_library(${target}_${set} OBJECT ${ARGN})
    osteon_compile_for_set(${target} ${set})
    # A "unique" symbol of g++ could not be made local. And g++ 12 takes the undefined values in its own
    # AVX-512 intrinsics for bugs of the caller (GCC bug 105593).
    target_compile_options(${target}_${set} PRIVATE ${OSTEON_FLAGS_${set}}
      $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique -Wno-uninitialized>)
    string(LENGTH ${set} length)
    set(visible "_ZN6osteon3cpu${length}${set}*")
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}_${set}.o)
    osteon_objects_of(${target}_${set} objects)
    add_custom_command(OUTPUT ${object}
      COMMAND ${OSTEON_LD} -r --force-group-allocation -o ${object}.all ${objects}
      COMMAND ${OSTEON_OBJCOPY} --wildcard "--keep-global-symbol=${visible}" ${object}.all ${object}
      COMMAND ${CMAKE_COMMAND} -E rm ${object}.all
      DEPENDS ${target}_${set} ${objects}
      COMMENT "Joining ${target}_${set}.o" COMMAND_EXPAND_LISTS VERBATIM)
    target_sources(${target} PRIVATE ${object})
  endforeach()
endfunction()

# The flags of a version: the target's, and the set's name.
function(osteon_compile_for_set target set)
  target_compile_definitions(${target}_${set} PRIVATE
    $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS> OSTEON_CPU_SET=${set})
  target_include_directories(${target}_${set} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_link_libraries(${target}_${set} PRIVATE osteon_options Eigen3::Eigen OpenMP::OpenMP_CXX)
  target_precompile_headers(${target}_${set} PRIVATE ${OSTEON_PRECOMPILED_HEADERS})
endfunction()

# The precompiled header counts as an object, too.
function(osteon_objects_of target result)
  set(${result} $<FILTER:$<TARGET_OBJECTS:${target}>,EXCLUDE,cmake_pch> PARENT_SCOPE)
endfunction()
