// Wrappers for the differences between the interfaces of oneDNN 2.6 (Debian 12) and 3 (Debian 13).
#pragma once

#include <dnnl.hpp>

namespace osteon::onednn {

#if DNNL_VERSION_MAJOR >= 3

inline dnnl::memory::dims dims_of(const dnnl::memory::desc& desc) { return desc.get_dims(); }
inline dnnl::memory::data_type type_of(const dnnl::memory::desc& desc) {
  return desc.get_data_type();
}
inline void append(dnnl::post_ops& post_ops, dnnl::algorithm function, float alpha, float beta) {
  post_ops.append_eltwise(function, alpha, beta);
}

// The description of a forward primitive; `arguments` are those of its operation.
template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const dnnl::primitive_attr& attributes,
                                            const Arguments&... arguments) {
  return {engine, arguments..., attributes};
}
// The same for the backward primitive of `forward`.
template <class Primitive, class Forward, class... Arguments>
typename Primitive::primitive_desc describe_backward(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attributes,
                                                     const Forward& forward,
                                                     const Arguments&... arguments) {
  return {engine, arguments..., forward, attributes};
}

#else

inline dnnl::memory::dims dims_of(const dnnl::memory::desc& desc) { return desc.dims(); }
inline dnnl::memory::data_type type_of(const dnnl::memory::desc& desc) { return desc.data_type(); }
inline void append(dnnl::post_ops& post_ops, dnnl::algorithm function, float alpha, float beta) {
  post_ops.append_eltwise(1, function, alpha, beta);
}

template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const dnnl::primitive_attr& attributes,
                                            const Arguments&... arguments) {
  return {typename Primitive::desc(arguments...), attributes, engine};
}
template <class Primitive, class Forward, class... Arguments>
typename Primitive::primitive_desc describe_backward(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attributes,
                                                     const Forward& forward,
                                                     const Arguments&... arguments) {
  return {typename Primitive::desc(arguments...), attributes, engine, forward};
}

#endif

}  // namespace osteon::onednn
