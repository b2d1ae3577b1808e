// XML 1.0 of strangers, read within limits: the root, and then each of its children as a small tree.
//
// Nothing of a DTD is read: a document type declaration ends it, and with it entities, external or nested. UTF-8, UTF-16, ISO-8859-1,
// US-ASCII and windows-1252. Namespaces are resolved; attributes, comments and processing instructions are passed over.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern {

struct XmlLimits {
  std::size_t depth = 32;                ///< Elements in one another, the root counted.
  std::size_t elements = 8'000'000;      ///< In the document.
  std::size_t child_elements = 10'000;   ///< In one child of the root, it counted.
  std::size_t text_bytes = 16UL * 1024;  ///< Of one element, in UTF-8.
};

struct XmlElement {
  std::string space, name;  ///< Namespace (empty: none) and local name.
  std::string text;         ///< Its own character data in UTF-8, without white space at both ends.
  std::vector<XmlElement> children;
};

/// Gets the document as it is read. An error ends the reading and comes back as it is.
class XmlSink {
 public:
  virtual ~XmlSink() = default;
  /// The root's names; nothing else of it is known yet.
  virtual Status root(const XmlElement& element) = 0;
  /// A whole child of the root. `place` is its path for errors: its name, with a number from 0 where repeats() says so.
  virtual Status child(const XmlElement& element, const std::string& place) = 0;
  /// Whether children of the root with this name come in numbers.
  [[nodiscard]] virtual bool repeats(std::string_view name) const = 0;
};

/// BadInput when it is no well-formed XML or has a DTD, TooLarge past `limits` (and over 1 GiB); the error's field is the path to the
/// element below the root ("record[2].row"), or the root's name.
[[nodiscard]] Status read_xml(std::string_view document, const XmlLimits& limits, XmlSink& sink);

/// For character data: & < > escaped, a CR kept as a reference, and what XML 1.0 2.2 has no place for (control characters, U+FFFE, octets
/// that are no UTF-8) replaced by U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace postern
