#include "pack/zip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace postern {
namespace {

std::string little(std::uint32_t value, std::size_t octets) {
  std::string out;
  for (std::size_t i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

struct File {
  std::string name, content;
  bool deflated = true;
  std::uint32_t flags = 0, method_is = 0xffff;
  bool streamed = false;  // sizes behind the data, as writers to a pipe have it
};

std::string deflated(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

// APPNOTE 4.3.6: local headers with their data, the directory, its end.
std::string archive(const std::vector<File>& files, const std::string& comment = "") {
  std::string out, directory;
  for (const File& file : files) {
    const std::string data = file.deflated ? deflated(file.content) : file.content;
    const auto checksum =
        static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(file.content.data()), file.content.size()));
    const std::uint32_t method = file.method_is != 0xffff ? file.method_is : file.deflated ? 8 : 0;
    const std::string start = little(20, 2) + little(file.flags | (file.streamed ? 8U : 0U), 2) + little(method, 2) + little(0, 4);
    const std::string sizes = little(checksum, 4) + little(static_cast<std::uint32_t>(data.size()), 4) +
                              little(static_cast<std::uint32_t>(file.content.size()), 4);
    const std::string names = little(static_cast<std::uint32_t>(file.name.size()), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + start + sizes + names + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) +
                 little(static_cast<std::uint32_t>(out.size()), 4) + file.name;
    out += "PK\x03\x04" + start + (file.streamed ? std::string(12, '\0') : sizes) + names + file.name + data;
    if (file.streamed) out += "PK\x07\x08" + sizes;
  }
  const auto entries = little(static_cast<std::uint32_t>(files.size()), 2);
  const auto at = static_cast<std::uint32_t>(out.size());
  return out + directory + "PK\x05\x06" + little(0, 4) + entries + entries + little(static_cast<std::uint32_t>(directory.size()), 4) +
         little(at, 4) + little(static_cast<std::uint32_t>(comment.size()), 2) + comment;
}

Result<std::string> unzip(const std::string& bytes, std::size_t limit = 1000) { return unzip_one(as_bytes(bytes), limit); }

TEST(Zip, OneFileStoredOrDeflated) {
  EXPECT_EQ(unzip(archive({{.name = "a.xml", .content = "hello"}})).value(), "hello");
  EXPECT_EQ(unzip(archive({{.name = "a.xml", .content = "hello", .deflated = false}})).value(), "hello");
  EXPECT_EQ(unzip(archive({{.name = "a.xml", .content = ""}})).value(), "");
  // APPNOTE 4.3.9: the sizes behind the data; 4.3.16: a comment at the end; a folder is no file.
  EXPECT_EQ(unzip(archive({{.name = "a.xml", .content = "hello", .streamed = true}}, "made by")).value(), "hello");
  EXPECT_EQ(unzip(archive({{.name = "d/", .content = "", .deflated = false}, {.name = "d/a.xml", .content = "hello"}})).value(), "hello");
  EXPECT_TRUE(is_zip(as_bytes(archive({{.name = "a", .content = "b"}}))));
  EXPECT_FALSE(is_zip(as_bytes("PK")));
}

TEST(Zip, NotMoreThanTheLimit) {
  const std::string bomb = archive({{.name = "a", .content = std::string(50'000'000, ' ')}});
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(unzip(bomb, 1'000'000).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(unzip(archive({{.name = "a", .content = std::string(1001, ' '), .deflated = false}})).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(unzip(archive({{.name = "a", .content = std::string(1000, ' ')}})));
}

TEST(Zip, WhatIsRefused) {
  EXPECT_EQ(unzip(archive({{.name = "a", .content = "x"}, {.name = "b", .content = "y"}})).error().code, ErrorCode::BadInput);
  EXPECT_EQ(unzip(archive({{.name = "d/", .content = "", .deflated = false}})).error().code, ErrorCode::BadInput);
  EXPECT_EQ(unzip(archive({})).error().code, ErrorCode::BadInput);
  EXPECT_EQ(unzip(archive({{.name = "a", .content = "x", .flags = 1}})).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(unzip(archive({{.name = "a", .content = "x", .method_is = 14}})).error().code, ErrorCode::Unsupported);
  std::string wrong = archive({{.name = "a", .content = "hello", .deflated = false}});
  wrong[wrong.find("hello")] = 'j';
  EXPECT_EQ(unzip(wrong).error().code, ErrorCode::BadInput);
}

TEST(Zip, TotalForEveryCutAndEveryFlippedOctet) {
  const std::string sound = archive({{.name = "a.xml", .content = "hello, hello, hello"}});
  for (std::size_t size = 0; size < sound.size(); ++size) EXPECT_FALSE(unzip(sound.substr(0, size))) << size;
  for (std::size_t at = 0; at < sound.size(); ++at) {
    std::string other = sound;
    other[at] = static_cast<char>(~other[at]);
    const auto out = unzip(other);
    EXPECT_TRUE(!out || *out == "hello, hello, hello") << at;
  }
}

}  // namespace
}  // namespace postern
