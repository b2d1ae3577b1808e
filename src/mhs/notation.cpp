#include "mhs/notation.hpp"

#include <list>
#include <map>

#include "ipm/notification.hpp"
#include "mhs/bind_value.hpp"
#include "ms/protocol.hpp"
#include "mts/p1_1984.hpp"
#include "mts/p3.hpp"

namespace postern::mhs {

using asn1::Field;
using asn1::Kind;
using asn1::Of;
using asn1::Type;

namespace {

const Type* interpersonal(const void* /*parent*/) { return &schema(Of<ipm::InformationObject>{}); }

/// X.411's Content, under its names of 1988 and of 1984.
bool is_content(const Field& field) {
  return field.type().kind == Kind::OctetString &&
         (field.name == "content" || field.name == "returned-content" || field.name == "returned");
}
bool is_structure(const Type& type) { return type.kind == Kind::Sequence || type.kind == Kind::Set || type.kind == Kind::Choice; }

/// How deep a content lies: MTS-APDU, Report, ReportTransferContent.
constexpr int kContentDepth = 3;
bool has_content(const Type& type, int depth) {
  return std::ranges::any_of(type.fields, [&](const Field& each) {
    if (each.is_rest) return false;
    return is_content(each) || (depth > 1 && is_structure(each.type()) && has_content(each.type(), depth - 1));
  });
}

/// Copies of descriptions in which contents are opened. They live as long as this does.
class Openings {
 public:
  const Type& open(const Type& type, int depth = kContentDepth) {
    if (!is_structure(type) || !has_content(type, depth)) return type;
    Type& made = m_types.emplace_back(type);
    for (Field& each : made.fields) {
      if (each.is_rest) continue;
      if (is_content(each))
        each.holds(&interpersonal);
      else if (depth > 1)
        each.as(open(each.type(), depth - 1));
    }
    return made;
  }

 private:
  std::list<Type> m_types;
};

/// What an operation takes and gives.
struct Operation {
  const Type* argument = nullptr;
  const Type* result = nullptr;
};

/// A protocol's codes, with the types behind them.
class Protocol {
 public:
  explicit Protocol(void (*fill)(Protocol&)) {
    fill(*this);
    m_operation_code = code_of(m_operation_codes);
    m_error_code = code_of(m_error_codes);
  }
  Protocol(const Protocol&) = delete;  // descriptions are kept by address
  Protocol& operator=(const Protocol&) = delete;

  void add(std::int64_t code, std::string_view name, const Type& argument, const Type& result) {
    if (m_operations.try_emplace(code, Operation{&m_openings.open(argument), &m_openings.open(result)}).second)
      m_operation_codes.names.push_back({name, code});
  }
  /// `parameter` nullptr: none. A name stands for one code: security-error of P3 is a number beside that of P7.
  void add_error(std::int64_t code, std::string_view name, const Type* parameter) {
    const bool is_new = m_errors.try_emplace(code, parameter).second;
    if (is_new && std::ranges::find(m_error_codes.names, name, &asn1::NamedNumber::name) == m_error_codes.names.end())
      m_error_codes.names.push_back({name, code});
  }
  void add_p3(bool with_delivery);

  [[nodiscard]] const Operation* operation(const osi::RoseCode& code) const {
    const auto* local = std::get_if<std::int64_t>(&code.value);
    const auto found = local != nullptr ? m_operations.find(*local) : m_operations.end();
    return found != m_operations.end() ? &found->second : nullptr;
  }
  [[nodiscard]] bool has_error(const osi::RoseCode& code) const {
    const auto* local = std::get_if<std::int64_t>(&code.value);
    return local != nullptr && m_errors.contains(*local);
  }
  [[nodiscard]] const Type* parameter(const osi::RoseCode& code) const {
    return has_error(code) ? m_errors.at(std::get<std::int64_t>(code.value)) : nullptr;
  }
  [[nodiscard]] const Type& operation_code() const { return m_operation_code; }
  [[nodiscard]] const Type& error_code() const { return m_error_code; }

 private:
  static Type named_integer(std::string_view name) {
    Type made = schema(Of<std::int64_t>{});
    made.name = name;
    return made;
  }
  static Type code_of(const Type& local) {
    Type made = schema(Of<osi::RoseCode>{});
    made.fields.front().as(local);
    return made;
  }

  Openings m_openings;
  std::map<std::int64_t, Operation> m_operations;
  std::map<std::int64_t, const Type*> m_errors;
  Type m_operation_codes = named_integer("Operation"), m_error_codes = named_integer("Error");
  Type m_operation_code, m_error_code;
};

/// X.419 annex A. Where two ports have one code, the first one names it; errors of one code have one type on all ports.
void Protocol::add_p3(bool with_delivery) {
  // X.411 fig. 2: the control of delivery has the components of that of submission, and one more.
  const mts::OperationInfo& control = mts::p3_operation("delivery-control");
  if (with_delivery) add(control.code, "control", control.argument(), control.result());
  for (const mts::OperationInfo& each : mts::p3_operations())
    if (with_delivery || each.port != mts::Port::Delivery) add(each.code, each.name, each.argument(), each.result());
  for (const mts::ErrorInfo& each : mts::p3_errors())
    if (with_delivery || each.port != mts::Port::Delivery)
      add_error(each.code, each.name, each.parameter != nullptr ? &each.parameter() : nullptr);
}

const Protocol& p3() {
  static const Protocol made([](Protocol& out) { out.add_p3(true); });
  return made;
}

/// X.419 annex B: the store's own operations and errors, and those of the ports that it passes on.
const Protocol& p7() {
  static const Protocol made([](Protocol& out) {
    for (const ms::OperationInfo& each : ms::p7_operations())
      out.add(static_cast<std::int64_t>(each.code), each.name, each.argument(), each.result());
    for (const ms::ErrorInfo& each : ms::p7_errors())
      out.add_error(each.code, each.name, each.parameter != nullptr ? &each.parameter() : nullptr);
    out.add_p3(false);
  });
  return made;
}

// ---- the APDUs of ROSE, with codes by name and open values by code
using GetProtocol = const Protocol& (*)();

Field& component(Type& type, std::string_view name) { return *std::ranges::find(type.fields, name, &Field::name); }

template <GetProtocol P>
const Type& invoke() {
  static const Type type = [] {
    Type made = schema(Of<osi::RoivApdu>{});
    component(made, "operation-value").as(P().operation_code());
    component(made, "argument").holds([](const void* parent) {
      const Operation* operation = P().operation(static_cast<const osi::RoivApdu*>(parent)->operation);
      return operation != nullptr ? operation->argument : nullptr;
    });
    return made;
  }();
  return type;
}

template <GetProtocol P>
const Type& outcome() {
  static const Type type = [] {
    Type made = schema(Of<osi::RorsApdu::Outcome>{});
    component(made, "operation-value").as(P().operation_code());
    component(made, "result").holds([](const void* parent) {
      const Operation* operation = P().operation(static_cast<const osi::RorsApdu::Outcome*>(parent)->operation);
      return operation != nullptr ? operation->result : nullptr;
    });
    return made;
  }();
  return type;
}

template <GetProtocol P>
const Type& result() {
  static const Type type = [] {
    Type made = schema(Of<osi::RorsApdu>{});
    component(made, "result").as(outcome<P>());
    return made;
  }();
  return type;
}

template <GetProtocol P>
const Type& error() {
  static const Type type = [] {
    Type made = schema(Of<osi::RoerApdu>{});
    component(made, "error-value").as(P().error_code());
    component(made, "parameter").holds([](const void* parent) { return P().parameter(static_cast<const osi::RoerApdu*>(parent)->error); });
    return made;
  }();
  return type;
}

asn1::Tag tag_of(RoseTag tag) { return asn1::context(static_cast<std::uint32_t>(tag)); }

/// X.219: the BIND macro's tags are explicit.
template <class Apdu, GetProtocol P>
Type apdu(std::string_view name) {
  using asn1::alternative;
  using asn1::context;
  return asn1::choice<&Apdu::value>(name, {
                                              alternative<&Apdu::value, 0>("roiv-apdu").implicitly(context(1)).as(invoke<P>()),
                                              alternative<&Apdu::value, 1>("rors-apdu").implicitly(context(2)).as(result<P>()),
                                              alternative<&Apdu::value, 2>("roer-apdu").implicitly(context(3)).as(error<P>()),
                                              alternative<&Apdu::value, 3>("rorj-apdu").implicitly(context(4)),
                                              alternative<&Apdu::value, 4>("bind-invoke").explicitly(tag_of(RoseTag::BindInvoke)),
                                              alternative<&Apdu::value, 5>("bind-result").explicitly(tag_of(RoseTag::BindResult)),
                                              alternative<&Apdu::value, 6>("bind-error").explicitly(tag_of(RoseTag::BindError)),
                                          });
}

// ---- is all of it known?
Status is_one(const Type* type, const std::optional<asn1::Any>& value, const char* what) {
  if (type == nullptr || !value) return {};
  const std::shared_ptr<void> object = type->fresh();
  std::size_t used = 0;
  if (Status read = asn1::decode_value(*type, object.get(), value->ber, used, {}); !read)
    return fail(std::move(read).error().context(std::string("the ") + what + " is no " + std::string(type->name)));
  if (used == value->ber.size()) return {};
  return fail(ErrorCode::BadInput, "more follows after the value", what);
}

tl::unexpected<Error> no_such(const char* what, const osi::RoseCode& code) {
  return fail(ErrorCode::BadInput, "the protocol has no " + std::string(what) + " " + osi::text_of(code), what);
}

/// All of what an APDU of ROSE has that the protocol must know.
struct Known {
  const Protocol& protocol;

  Status operator()(const osi::RoivApdu& invoked) const {
    const Operation* operation = protocol.operation(invoked.operation);
    return operation != nullptr ? is_one(operation->argument, invoked.argument, "argument") : no_such("operation", invoked.operation);
  }
  Status operator()(const osi::RorsApdu& returned) const {
    if (!returned.outcome) return {};
    const Operation* operation = protocol.operation(returned.outcome->operation);
    return operation != nullptr ? is_one(operation->result, returned.outcome->result, "result")
                                : no_such("operation", returned.outcome->operation);
  }
  Status operator()(const osi::RoerApdu& returned) const {
    if (!protocol.has_error(returned.error)) return no_such("error", returned.error);
    return is_one(protocol.parameter(returned.error), returned.parameter, "parameter");
  }
  template <class T>
  Status operator()(const T&) const {
    return {};
  }
};

}  // namespace

const Type& p1_notation() {
  static Openings openings;
  static const Type& type = openings.open(schema(Of<mts::MTSApdu>{}));
  return type;
}

const Type& p1_1984_notation() {
  static Openings openings;
  static const Type& type = openings.open(mts::mpdu_1984());
  return type;
}

const Type& schema(Of<P3Apdu>) {
  static const Type type = apdu<P3Apdu, &p3>("P3-APDU");
  return type;
}

const Type& schema(Of<P7Apdu>) {
  static const Type type = apdu<P7Apdu, &p7>("P7-APDU");
  return type;
}

Status is_known(const P3Apdu& apdu) { return std::visit(Known{p3()}, apdu.value); }
Status is_known(const P7Apdu& apdu) { return std::visit(Known{p7()}, apdu.value); }

}  // namespace postern::mhs
