// rooms: mime
// What is accepted as an address is written so that it is accepted again and means the same.
#include <cstdlib>

#include "base/text.hpp"
#include "mime/address.hpp"
#include "mime/encoded_word.hpp"
#include "mime/message.hpp"
#include "mime/writer.hpp"

using namespace postern;

namespace {

void check_envelope(std::string_view text) {
  for (const Utf8 utf8 : {Utf8::Refuse, Utf8::Allow}) {
    if (const auto box = Mailbox::parse(text, utf8)) {
      const auto again = Mailbox::parse(box->text(), utf8);
      if (!again || *again != *box) std::abort();
      if (box->text().find_first_of("\r\n") != std::string::npos) std::abort();
    }
    std::string_view rest = text;
    if (const auto path = ReversePath::read(rest, utf8)) {
      const auto again = ReversePath::parse(path->text(), utf8);
      if (!again || *again != *path) std::abort();
    }
    rest = text;
    if (const auto path = ForwardPath::read(rest, utf8)) {
      const auto again = ForwardPath::parse(path->text(), utf8);
      if (!again || *again != *path) std::abort();
    }
  }
}

void check_told(std::string_view text) {
  const auto box = Mailbox::parse_told(text);
  if (!box) return;
  const auto again = Mailbox::parse(box->text(), Utf8::Allow);
  if (!again || *again != *box) std::abort();
}

void check_list(std::string_view text) {
  const auto list = parse_address_list(text, 50);
  if (!list) return;
  for (const NamedMailbox& named : list->mailboxes()) {
    const auto again = parse_address_list(named.text());
    if (!again || again->mailboxes().size() != 1 || again->mailboxes().front().mailbox != named.mailbox) std::abort();
  }
}

void check_encoded_words(std::string_view text) {
  const std::string decoded = decode_header_text(text);
  if (!is_utf8(decoded) || decoded.find_first_of("\r\n") != std::string::npos) std::abort();
  const std::string encoded = encode_header_text(decoded);
  if (decode_header_text(encoded) != std::string(trim(decoded)) && decode_header_text(encoded) != decoded) std::abort();
  if (!fold_field("X", encoded)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_envelope(text);
  check_told(text);
  check_list(text);
  check_encoded_words(text);
  (void)to_a_labels(text);
  return 0;
}
