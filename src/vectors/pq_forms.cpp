#include "vectors/pq_forms.hpp"

#include <array>
#include <utility>

namespace postern::vectors {
namespace {

constexpr std::array<std::pair<std::string_view, PqKind>, 6> kKinds{{{"ML-DSA-44", PqKind::MlDsa44},
                                                                     {"ML-DSA-65", PqKind::MlDsa65},
                                                                     {"ML-DSA-87", PqKind::MlDsa87},
                                                                     {"ML-KEM-512", PqKind::MlKem512},
                                                                     {"ML-KEM-768", PqKind::MlKem768},
                                                                     {"ML-KEM-1024", PqKind::MlKem1024}}};

std::optional<PqKind> kind_of(std::string_view name, std::string_view family) noexcept {
  for (const auto& [each, kind] : kKinds) {
    if (each == name && name.starts_with(family)) return kind;
  }
  return std::nullopt;
}

/// One element of DER with a definite length of up to two bytes (X.690 8.1.3).
Bytes element(Byte tag, ByteView content) {
  const std::size_t size = content.size();
  Bytes out{tag};
  if (size < 0x80) {
    out.push_back(static_cast<Byte>(size));
  } else if (size < 0x100) {
    append(out, std::array<Byte, 2>{0x81, static_cast<Byte>(size)});
  } else {
    append(out, std::array<Byte, 3>{0x82, static_cast<Byte>(size >> 8), static_cast<Byte>(size)});
  }
  append(out, content);
  return out;
}

/// AlgorithmIdentifier: the arcs of NIST's algorithms, 2.16.840.1.101.3.4.3.17 and on, 2.16.840.1.101.3.4.4.1 and on.
Bytes algorithm_of(PqKind kind) {
  const auto place = static_cast<Byte>(kind);
  const bool signs = kind <= PqKind::MlDsa87;
  const std::array<Byte, 9> oid{
      0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, static_cast<Byte>(signs ? 3 : 4), static_cast<Byte>(signs ? 17 + place : place - 2)};
  return element(0x30, element(0x06, oid));
}

}  // namespace

std::optional<PqKind> mldsa_kind(std::string_view name) noexcept { return kind_of(name, "ML-DSA"); }
std::optional<PqKind> mlkem_kind(std::string_view name) noexcept { return kind_of(name, "ML-KEM"); }

Bytes mldsa_spki(PqKind kind, ByteView raw) {
  Bytes bits{0};  // BIT STRING without unused bits
  append(bits, raw);
  Bytes content = algorithm_of(kind);
  append(content, element(0x03, bits));
  return element(0x30, content);
}

Bytes mlkem_pkcs8(PqKind kind, ByteView seed) {
  Bytes content{0x02, 1, 0};
  append(content, algorithm_of(kind));
  append(content, element(0x04, element(0x80, seed)));
  return element(0x30, content);
}

}  // namespace postern::vectors
