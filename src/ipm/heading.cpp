#include "ipm/heading.hpp"

#include <algorithm>

#include "ipm/heading_extensions.hpp"

namespace postern::ipm {

using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

namespace {

const Type* type_of_extension(const void* parent) { return extension_type(static_cast<const IPMSExtension*>(parent)->type); }

}  // namespace

const Type& schema(Of<IPMIdentifier>) {
  static const Type type =
      asn1::set<IPMIdentifier>(
          "IPMIdentifier",
          {
              field<&IPMIdentifier::user>("user"),
              field<&IPMIdentifier::user_relative_identifier>("user-relative-identifier").size(0, ub_local_ipm_identifier),
          })
          .implicitly(asn1::application(11));
  return type;
}

const Type& schema(Of<ORDescriptor>) {
  static const Type type = asn1::set<ORDescriptor>(
      "ORDescriptor", {
                          field<&ORDescriptor::formal_name>("formal-name"),
                          field<&ORDescriptor::free_form_name>("free-form-name").implicitly(context(0)).size(0, ub_free_form_name),
                          field<&ORDescriptor::telephone_number>("telephone-number").implicitly(context(1)).size(0, ub_telephone_number),
                      });
  return type;
}

const Type& schema(Of<NotificationRequests>) {
  static const Type type = asn1::named_bits<NotificationRequests>(
      "NotificationRequests", {{"rn", 0}, {"nrn", 1}, {"ipm-return", 2}, {"an-supported", 3}, {"suppress-an", 4}});
  return type;
}

const Type& schema(Of<IPMSExtension>) {
  static const Type type =
      asn1::sequence<IPMSExtension>("IPMSExtension", {
                                                         field<&IPMSExtension::type>("type"),
                                                         field<&IPMSExtension::value>("value").defaulted().holds(type_of_extension),
                                                     });
  return type;
}

const Type& schema(Of<RecipientSpecifier>) {
  static const Type type = asn1::set<RecipientSpecifier>(
      "RecipientSpecifier",
      {
          field<&RecipientSpecifier::recipient>("recipient").implicitly(context(0)),
          field<&RecipientSpecifier::notification_requests>("notification-requests").implicitly(context(1)).defaulted(),
          field<&RecipientSpecifier::reply_requested>("reply-requested").implicitly(context(2)).defaulted(),
          field<&RecipientSpecifier::recipient_extensions>("recipient-extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(3)),
      });
  return type;
}

const Type& schema(Of<ImportanceField>) {
  static const Type type = asn1::enumerated<ImportanceField>("ImportanceField", {{"low", 0}, {"normal", 1}, {"high", 2}});
  return type;
}

const Type& schema(Of<SensitivityField>) {
  static const Type type =
      asn1::enumerated<SensitivityField>("SensitivityField", {{"personal", 1}, {"private", 2}, {"company-confidential", 3}});
  return type;
}

const Type& schema(Of<Heading>) {
  static const Type type = asn1::set<Heading>(
      "Heading", {
                     field<&Heading::this_ipm>("this-IPM"),
                     field<&Heading::originator>("originator").implicitly(context(0)),
                     field<&Heading::authorizing_users>("authorizing-users").implicitly(context(1)),
                     field<&Heading::primary_recipients>("primary-recipients").implicitly(context(2)).defaulted(),
                     field<&Heading::copy_recipients>("copy-recipients").implicitly(context(3)).defaulted(),
                     field<&Heading::blind_copy_recipients>("blind-copy-recipients").implicitly(context(4)),
                     field<&Heading::replied_to_ipm>("replied-to-IPM").implicitly(context(5)),
                     field<&Heading::obsoleted_ipms>("obsoleted-IPMs").implicitly(context(6)).defaulted(),
                     field<&Heading::related_ipms>("related-IPMs").implicitly(context(7)).defaulted(),
                     // Explicit: in 1984 the subject was a CHOICE of one string type.
                     field<&Heading::subject>("subject").explicitly(context(8)).size(0, ub_subject_field),
                     field<&Heading::expiry_time>("expiry-time").implicitly(context(9)),
                     field<&Heading::reply_time>("reply-time").implicitly(context(10)),
                     field<&Heading::reply_recipients>("reply-recipients").implicitly(context(11)),
                     field<&Heading::importance>("importance").implicitly(context(12)).defaulted(),
                     field<&Heading::sensitivity>("sensitivity").implicitly(context(13)),
                     field<&Heading::auto_forwarded>("auto-forwarded").implicitly(context(14)).defaulted(),
                     field<&Heading::extensions>("extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(15)).defaulted(),
                     asn1::rest<&Heading::unknown>(),
                 });
  return type;
}

const IPMSExtension* find_extension(const IPMSExtensions& extensions, const asn1::Oid& type) noexcept {
  const auto found = std::ranges::find(extensions, type, &IPMSExtension::type);
  return found == extensions.end() ? nullptr : &*found;
}

}  // namespace postern::ipm
