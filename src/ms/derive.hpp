// Inside the room: filling an entry with the attributes of what was delivered, field by field.
#pragma once

#include "ipm/notification.hpp"
#include "ms/delivery.hpp"
#include "ms/oids.hpp"

namespace postern::ms::detail {

/// Puts values where the table says they lie. A value that has no encoding is left out.
class AttributeWriter {
 public:
  explicit AttributeWriter(NewEntry& entry) : m_entry(entry) {}

  void put_any(const AttributeType& type, std::span<const asn1::Any> values) {
    const AttributeInfo* info = find_attribute(type);
    (info != nullptr && info->source == Source::Details ? m_entry.details : m_entry.packed).add(type, values);
  }
  template <class T>
  void put(const AttributeType& type, const T& value, const asn1::Type& syntax = schema(asn1::Of<T>{})) {
    if (const auto any = asn1::to_any(value, syntax, asn1::EncodeRules::Lenient)) put_any(type, std::span(&*any, 1));
  }
  template <class T>
  void put(const AttributeType& type, const std::optional<T>& value) {
    if (value) put(type, *value);
  }
  template <class T>
  void put_each(const AttributeType& type, const std::vector<T>& values) {
    std::vector<asn1::Any> all;
    for (const T& each : values)
      if (auto any = asn1::to_any(each, schema(asn1::Of<T>{}), asn1::EncodeRules::Lenient)) all.push_back(*std::move(any));
    put_any(type, all);
  }
  template <class T>
  void put_each(const AttributeType& type, const std::optional<std::vector<T>>& values) {
    if (values) put_each(type, *values);
  }

 private:
  NewEntry& m_entry;
};

void derive(AttributeWriter& out, const mts::OtherMessageDeliveryFields& fields);
void derive(AttributeWriter& out, const mts::ReportDeliveryArgument& report);
void derive(AttributeWriter& out, const ipm::Heading& heading);
void derive(AttributeWriter& out, const ipm::IPN& notification);

}  // namespace postern::ms::detail
