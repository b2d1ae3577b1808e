#include "seals/pkcs11_uri.hpp"

#include <gtest/gtest.h>

#include "seals/pin_file.hpp"
#include "seals/testing/devices.hpp"

namespace postern::seals {
namespace {

const std::string kQuery = "?module-path=/usr/lib/p.so&pin-source=file:/etc/pin";

TEST(Pkcs11UriTest, ReadsEveryAttribute) {
  const auto uri = parse_pkcs11_uri(
      "pkcs11:token=My%20token;serial=0a;manufacturer=m%C3%A4;model=x;slot-id=7;object=root;id=%00%ff;type=private" + kQuery);
  ASSERT_TRUE(uri) << uri.error().text();
  EXPECT_EQ(uri->token, "My token");
  EXPECT_EQ(uri->serial, "0a");
  EXPECT_EQ(uri->manufacturer, "m\u00e4");
  EXPECT_EQ(uri->model, "x");
  EXPECT_EQ(uri->slot_id, 7U);
  EXPECT_EQ(uri->object, "root");
  EXPECT_EQ(uri->id, (Bytes{0, 0xff}));
  EXPECT_EQ(uri->type, Pkcs11KeyType::Private);
  EXPECT_EQ(uri->module_path, "/usr/lib/p.so");
  EXPECT_EQ(uri->pin_file, "/etc/pin");
  EXPECT_EQ(uri->token_text(), "token=My token;serial=0a;manufacturer=m\u00e4;model=x;slot-id=7");
  for (const char* source : {"/etc/pin", "file:/etc/pin", "file:///etc/pin", "file:%2Fetc%2Fpin"})
    EXPECT_EQ(parse_pkcs11_uri("pkcs11:slot-id=0;id=k?module-path=/p&pin-source=" + std::string(source))->pin_file, "/etc/pin") << source;
}

TEST(Pkcs11UriTest, RefusesWithTheAttributesName) {
  const std::pair<std::string, const char*> bad[] = {
      {"", "seal"},
      {"pkcs11", "seal"},
      {"pkcs11:", "module-path"},
      {"pkcs11:token=t;object=o", "module-path"},
      {"pkcs11:token=t" + kQuery, "object"},
      {"pkcs11:object=o" + kQuery, "token"},
      {"pkcs11:token=;object=o" + kQuery, "token"},
      {"pkcs11:token" + kQuery, "seal"},
      {"pkcs11:=x" + kQuery, "seal"},
      {"pkcs11:token=a;token=b;object=o" + kQuery, "token"},
      {"pkcs11:token=%4;object=o" + kQuery, "token"},
      {"pkcs11:token=%zz;object=o" + kQuery, "token"},
      {"pkcs11:token=%0a;object=o" + kQuery, "token"},
      {"pkcs11:token=%ff;object=o" + kQuery, "token"},
      {"pkcs11:token=a b;object=o" + kQuery, "token"},
      {"pkcs11:token=" + std::string(33, 'x') + ";object=o" + kQuery, "token"},
      {"pkcs11:slot-id=-1;object=o" + kQuery, "slot-id"},
      {"pkcs11:slot-id=99999999999999999999;object=o" + kQuery, "slot-id"},
      {"pkcs11:token=t;object=o;type=cert" + kQuery, "type"},
      {"pkcs11:token=t;object=o;x-vendor=1" + kQuery, "x-vendor"},
      {"pkcs11:token=t;object=o?module-path=p.so", "module-path"},
      {"pkcs11:token=t;object=o?module-path=/p%00.so", "module-path"},
      {"pkcs11:token=t;object=o?module-name=p", "module-name"},
      {"pkcs11:token=t;object=o?module-path=/p&pin-source=%7ccat", "pin-source"},
      {"pkcs11:token=t;object=o?module-path=/p&pin-source=file:pin", "pin-source"},
      {"pkcs11:token=t;object=o?module-path=/p&", "seal"},
      {"pkcs11:" + std::string(5000, ';'), "seal"},
  };
  for (const auto& [text, field] : bad) {
    const auto uri = parse_pkcs11_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().field, field) << text;
  }
}

TEST(Pkcs11UriTest, APinIsRefusedAndNotRepeated) {
  const Error error = parse_pkcs11_uri("pkcs11:token=t;object=o?module-path=/p&pin-value=998877").error();
  EXPECT_EQ(error.field, "pin-value");
  EXPECT_EQ(error.text().find("998877"), std::string::npos);
}

TEST(PinFile, IsOneLineThatOthersCannotRead) {
  const testing::TempFolder folder;
  EXPECT_EQ(as_text(read_pin_file(folder.write("pin", "1234\r\nmore\n"))->view()), "1234");
  EXPECT_EQ(as_text(read_pin_file(folder.write("pin", "1234", 0640))->view()), "1234");
  EXPECT_EQ(read_pin_file(folder.write("pin", "1234", 0644)).error().code, ErrorCode::Denied);
  EXPECT_EQ(read_pin_file(folder.write("pin", "1234", 0620)).error().code, ErrorCode::Denied);
  EXPECT_EQ(read_pin_file(folder.write("pin", "\n")).error().code, ErrorCode::BadInput);
  EXPECT_EQ(read_pin_file(folder.write("pin", std::string(256, '1'))).error().code, ErrorCode::BadInput);
  EXPECT_EQ(read_pin_file(folder / "none").error().code, ErrorCode::Unavailable);
  std::filesystem::create_symlink(folder / "pin", folder / "link");
  EXPECT_EQ(read_pin_file(folder / "link").error().code, ErrorCode::Denied);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_pin_file(folder / "fifo").error().code, ErrorCode::Denied);
}

}  // namespace
}  // namespace postern::seals
