#include "asn1/ber.hpp"

namespace postern::asn1 {

const Type& schema(Of<External::Encoding>) {
  static const Type type = choice<&External::Encoding::value>(
      "Encoding", {
                      alternative<&External::Encoding::value, 0>("single-ASN1-type").explicitly(context(0)),
                      alternative<&External::Encoding::value, 1>("octet-aligned").implicitly(context(1)),
                      alternative<&External::Encoding::value, 2>("arbitrary").implicitly(context(2)),
                  });
  return type;
}

const Type& schema(Of<External>) {
  static const Type type = sequence<External>("EXTERNAL",
                                              {
                                                  field<&External::direct_reference>("direct-reference"),
                                                  field<&External::indirect_reference>("indirect-reference"),
                                                  field<&External::data_value_descriptor>("data-value-descriptor"),
                                                  field<&External::encoding>("encoding"),
                                              })
                               .implicitly(universal(8));
  return type;
}

}  // namespace postern::asn1
