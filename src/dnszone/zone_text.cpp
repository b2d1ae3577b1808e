#include "dnszone/zone_text.hpp"

#include "tlspolicy/dane.hpp"

namespace postern::dnszone {
namespace {

constexpr std::size_t kLongestString = 255;

std::string absolute(const std::string& name) { return name + "."; }

/// RFC 1035 5.1.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (octet < 0x20 || octet > 0x7E) {
      out += '\\';
      for (const int power : {100, 10, 1}) out += static_cast<char>('0' + octet / power % 10);
    } else {
      out += c;
    }
  }
  return out;
}
std::string quoted(std::string_view text) { return '"' + escaped(text) + '"'; }

struct DataWriter {
  std::string operator()(const dns::AddressData& data) const { return data.address.text(); }
  std::string operator()(const dns::NameData& data) const { return absolute(data.name); }
  std::string operator()(const dns::MxData& data) const { return std::to_string(data.preference) + " " + absolute(data.exchange); }
  std::string operator()(const dns::TxtData& data) const {
    std::string out;
    for (const std::string& text : data.strings) out += (out.empty() ? "" : " ") + quoted(text);
    return out.empty() ? "\"\"" : out;
  }
  std::string operator()(const dns::TlsaData& data) const { return tlsa_text(data); }
  std::string operator()(const dns::SrvData& data) const {
    return std::to_string(data.priority) + " " + std::to_string(data.weight) + " " + std::to_string(data.port) + " " +
           absolute(data.target);
  }
  std::string operator()(const dns::CaaData& data) const {
    return std::to_string(data.flags) + " " + escaped(data.tag) + " " + quoted(data.value);
  }
  std::string operator()(const dns::OpaqueData& data) const {
    return "\\# " + std::to_string(data.data.size()) + (data.data.empty() ? "" : " " + hex_encode(data.data));
  }
};

}  // namespace

std::vector<std::string> split_txt(std::string_view text) {
  std::vector<std::string> out;
  for (; text.size() > kLongestString; text.remove_prefix(kLongestString)) out.emplace_back(text.substr(0, kLongestString));
  out.emplace_back(text);
  return out;
}

std::string data_text(const dns::RecordData& data) { return std::visit(DataWriter{}, data); }

std::string zone_line(const dns::Record& record) {
  return absolute(record.name) + " " + std::to_string(record.ttl) + " IN " + std::string(name_of(record.type)) + " " +
         data_text(record.data);
}

}  // namespace postern::dnszone
