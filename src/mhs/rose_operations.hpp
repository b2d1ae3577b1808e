// What a side of a ROSE association performs: one handler for each operation of each abstract syntax.
//
//   RoseOperations table;
//   table.on<mts::ChangeCredentialsArgument>(osi::oid::as_mase(), 8, [this](mts::ChangeCredentialsArgument asked) { return
//   change(std::move(asked)); });
//
// An operation that stands nowhere is rejected as unrecognised, an argument that is none of its type as mistyped (X.880 9.3). A handler is
// a function that returns a Task; what it borrows must outlive the table.
#pragma once

#include <functional>
#include <map>
#include <variant>

#include "asn1/ber.hpp"
#include "io/task.hpp"
#include "osi/rose.hpp"

namespace postern::mhs {

/// A return-error: the code among those of the port, and its parameter where it has one.
struct RoseFault {
  std::int64_t code = 0;
  std::optional<asn1::Any> parameter;
  friend bool operator==(const RoseFault&, const RoseFault&) = default;
};
/// What this side answers: a result, an error of the operation, or a reject.
using RoseReply = std::variant<asn1::Any, RoseFault, osi::InvokeProblem>;

/// The result of operations that have none to give.
[[nodiscard]] asn1::Any null_value();
/// A result; ResourceLimitation where it cannot be encoded, which is our own fault and logged.
[[nodiscard]] RoseReply reply_with(Result<asn1::Any> result);
template <class T>
[[nodiscard]] RoseReply reply_of(const T& result) {
  return reply_with(asn1::to_any(result, schema(asn1::Of<T>{}), asn1::EncodeRules::Lenient));
}

class RoseOperations {
 public:
  using Handler = std::function<io::Task<RoseReply>(const asn1::Any& argument)>;

  void add(const asn1::Oid& syntax, std::int64_t operation, Handler handler);
  template <class Argument, class F>
  void on(const asn1::Oid& syntax, std::int64_t operation, F perform) {
    add(syntax, operation, [perform = std::move(perform)](const asn1::Any& argument) -> io::Task<RoseReply> {
      auto value = asn1::from_any<Argument>(argument);
      if (!value) return mistyped(value.error());
      return perform(*std::move(value));
    });
  }
  /// nullptr: unrecognised.
  [[nodiscard]] const Handler* find(const asn1::Oid& syntax, const osi::RoseCode& operation) const;

 private:
  [[nodiscard]] static io::Task<RoseReply> mistyped(Error why);

  std::map<std::pair<asn1::Oid, std::int64_t>, Handler> m_handlers;
};

}  // namespace postern::mhs
