#include <gtest/gtest.h>
#include <iconv.h>

#include <array>

#include "asn1/unicode.hpp"
#include "asn1/values.hpp"

namespace postern::asn1 {
namespace {

using std::string_literals::operator""s;

std::optional<std::size_t> foreign(Alphabet alphabet, std::string_view octets) { return first_foreign_octet(alphabet, octets); }

TEST(Alphabets, HaveTheNamesAndTagsOfX680) {
  EXPECT_EQ(name_of(Alphabet::Numeric), "NumericString");
  EXPECT_EQ(tag_of(Alphabet::Numeric), universal(18));
  EXPECT_EQ(tag_of(Alphabet::Teletex), universal(20));
  EXPECT_EQ(tag_of(Alphabet::Utf8), universal(12));
  EXPECT_EQ(tag_of(Alphabet::ObjectDescriptor), universal(7));
  for (int a = 0; a <= static_cast<int>(Alphabet::ObjectDescriptor); ++a) {
    const auto alphabet = static_cast<Alphabet>(a);
    EXPECT_EQ(text_of(tag_of(alphabet)), name_of(alphabet));
  }
}

TEST(Alphabets, NameTheFirstForeignOctet) {
  EXPECT_EQ(foreign(Alphabet::Printable, "C=DE; A=x"), 4U);
  EXPECT_EQ(foreign(Alphabet::Printable, "Az09 '()+,-./:=?"), std::nullopt);
  for (const char c : "*@&_!\"#$%;<>[]^`{|}~"s) EXPECT_EQ(foreign(Alphabet::Printable, std::string(1, c)), 0U) << c;
  EXPECT_EQ(foreign(Alphabet::Numeric, "01 23a"), 5U);
  EXPECT_EQ(foreign(Alphabet::Ia5, "\0\x7F"s), std::nullopt);
  EXPECT_EQ(foreign(Alphabet::Ia5, "a\x80"), 1U);
  EXPECT_EQ(foreign(Alphabet::Visible, "a\n"), 1U);
  EXPECT_EQ(foreign(Alphabet::Visible, "a\x7F"), 1U);
  EXPECT_EQ(foreign(Alphabet::Graphic, "a\x1B(B\xE4"), std::nullopt);
  EXPECT_EQ(foreign(Alphabet::Graphic, "a\r"), 1U);
  EXPECT_EQ(foreign(Alphabet::General, "a\r\n\x8B\xE4"), std::nullopt);
  EXPECT_EQ(foreign(Alphabet::Bmp, "\0a\xD8\0"s), 2U);  // a surrogate is no character
  EXPECT_EQ(foreign(Alphabet::Bmp, "\0a\0"s), 2U);      // half a character
  EXPECT_EQ(foreign(Alphabet::Universal, "\0\0\0a"s), std::nullopt);
  EXPECT_EQ(foreign(Alphabet::Universal, "\0\x11\0\0"s), 0U);
  EXPECT_EQ(foreign(Alphabet::Utf8, "a\xC0\x80"), 1U);
  EXPECT_EQ(foreign(Alphabet::Utf8, "\xED\xA0\x80"), 0U);
  for (int a = 0; a <= static_cast<int>(Alphabet::ObjectDescriptor); ++a) EXPECT_EQ(foreign(static_cast<Alphabet>(a), ""), std::nullopt);
}

TEST(Alphabets, ConvertBothWays) {
  EXPECT_EQ(to_utf8(Alphabet::Bmp, "\0A\x20\xAC"s).value(), "A€");
  EXPECT_EQ(from_utf8(Alphabet::Bmp, "A€").value(), "\0A\x20\xAC"s);
  EXPECT_EQ(to_utf8(Alphabet::Universal, "\0\x01\xF6\0"s).value(), "😀");
  EXPECT_EQ(from_utf8(Alphabet::Universal, "😀").value(), "\0\x01\xF6\0"s);
  EXPECT_EQ(to_utf8(Alphabet::Utf8, "ä").value(), "ä");
  EXPECT_EQ(from_utf8(Alphabet::Printable, "Jean (x)").value(), "Jean (x)");
  EXPECT_EQ(to_utf8(Alphabet::General, "abc\r\n").value(), "abc\r\n");
}

TEST(Alphabets, RefuseNamingTheCulprit) {
  const auto to = to_utf8(Alphabet::Printable, "ab@");
  ASSERT_FALSE(to);
  EXPECT_EQ(to.error().what, "octet 0x40 at offset 2 is not a character of PrintableString");
  const auto from = from_utf8(Alphabet::Ia5, "zwölf");
  ASSERT_FALSE(from);
  EXPECT_EQ(from.error().what, "the character U+00F6 is not one of IA5String");
  EXPECT_FALSE(from_utf8(Alphabet::Bmp, "😀"));
  EXPECT_FALSE(from_utf8(Alphabet::Bmp, "\xFF"));
  EXPECT_FALSE(from_utf8(Alphabet::Visible, "\n"));
  EXPECT_FALSE(to_utf8(Alphabet::General, "\xE4"));  // what is designated there is not known
  EXPECT_FALSE(to_utf8(Alphabet::Teletex, "\x1B-A\xE4"));
}

// ---- T.61
TEST(Teletex, ReadsLettersWithMarks) {
  EXPECT_EQ(to_utf8(Alphabet::Teletex,
                    "M\xC8uller, Stra\xFB"
                    "e")
                .value(),
            "Müller, Straße");
  EXPECT_EQ(to_utf8(Alphabet::Teletex,
                    "\xCF"
                    "Capek \xC2\x20")
                .value(),
            "Čapek ´");
  EXPECT_EQ(to_utf8(Alphabet::Teletex, "\xC9u").value(), "ü");  // the older umlaut
  EXPECT_EQ(to_utf8(Alphabet::Teletex, "\xCCx\xCC\xE1").value(), "x̲Æ̲");
}

TEST(Teletex, WritesWhatItReads) {
  for (const char* text : {"Müller", "Čapek", "Œuvre ½ \u2126 × ÷", "ŠŽľďů", "x̲", "#¤$", "line\r\nline", "|_@"}) {
    const auto octets = from_utf8(Alphabet::Teletex, text);
    ASSERT_TRUE(octets) << text << ": " << octets.error().text();
    EXPECT_EQ(to_utf8(Alphabet::Teletex, *octets).value(), text);
    EXPECT_EQ(foreign(Alphabet::Teletex, *octets), std::nullopt);
  }
  EXPECT_EQ(from_utf8(Alphabet::Teletex, "Ω").value(), "\xE0");
  EXPECT_EQ(from_utf8(Alphabet::Teletex, "ü#¤").value(), "\xC8u\xA6\xA8");
}

TEST(Teletex, KnowsWhatItHasNot) {
  for (const char* text : {"\\", "^", "`", "{", "}", "~", "€", "©", "Ж", "\t", "̲"})
    EXPECT_FALSE(from_utf8(Alphabet::Teletex, text)) << text;
  EXPECT_FALSE(from_utf8(Alphabet::Teletex, "\0"s));
  EXPECT_EQ(foreign(Alphabet::Teletex, "ab\\"), 2U);
  EXPECT_EQ(foreign(Alphabet::Teletex, "ab\xC1z"), 2U);  // no such letter
  EXPECT_EQ(foreign(Alphabet::Teletex, "ab\xC1"), 2U);   // a mark and no letter
  EXPECT_EQ(foreign(Alphabet::Teletex, "ab\xCC\xC1"), 2U);
  EXPECT_EQ(foreign(Alphabet::Teletex, "a\xD0"), 1U);
  EXPECT_EQ(foreign(Alphabet::Teletex, "a\x1B\xD0"), std::nullopt);
}

/// The T.61 of the C library, where it is installed: an opinion of its own on every octet and every pair.
class Iconv {
 public:
  Iconv() : m_handle(::iconv_open("UTF-8", "T.61-8BIT")) {}
  Iconv(const Iconv&) = delete;
  Iconv& operator=(const Iconv&) = delete;
  ~Iconv() {
    if (is_there()) ::iconv_close(m_handle);
  }
  [[nodiscard]] bool is_there() const { return m_handle != reinterpret_cast<iconv_t>(-1); }
  std::optional<std::string> operator()(std::string octets) {
    std::array<char, 32> out{};
    char* from = octets.data();
    char* to = out.data();
    std::size_t left = octets.size(), room = out.size();
    ::iconv(m_handle, nullptr, nullptr, nullptr, nullptr);
    if (::iconv(m_handle, &from, &left, &to, &room) == static_cast<std::size_t>(-1)) return std::nullopt;
    ::iconv(m_handle, nullptr, nullptr, &to, &room);
    return std::string(out.data(), static_cast<std::size_t>(to - out.data()));
  }

 private:
  iconv_t m_handle;
};

TEST(Teletex, AgreesWithTheCLibraryOnEveryGraphicCharacter) {
  Iconv other;
  if (!other.is_there()) GTEST_SKIP() << "the C library has no T.61-8BIT here";
  int seen = 0;
  const auto judge = [&](const std::string& octets) {
    const auto theirs = other(octets);
    if (!theirs) return;
    const auto ours = to_utf8(Alphabet::Teletex, octets);
    ASSERT_TRUE(ours) << hex_encode(as_bytes(octets)) << ' ' << *theirs;
    EXPECT_EQ(*ours, *theirs) << hex_encode(as_bytes(octets));
    EXPECT_EQ(from_utf8(Alphabet::Teletex, *theirs).value(), octets);
    ++seen;
  };
  for (int octet = 0x20; octet < 0x100; ++octet) {
    const bool is_control = octet >= 0x80 && octet < 0xA0;
    const bool is_mark = octet >= 0xC0 && octet < 0xD0;
    if (!is_control && !is_mark) judge(std::string(1, static_cast<char>(octet)));
    if (!is_mark) continue;
    for (int letter = 0x20; letter < 0x7F; ++letter) judge({static_cast<char>(octet), static_cast<char>(letter)});
  }
  EXPECT_GT(seen, 300);
}

TEST(Teletex, HasNothingThatTheCLibraryHasNot) {
  Iconv other;
  if (!other.is_there()) GTEST_SKIP() << "the C library has no T.61-8BIT here";
  for (int octet = 0xA0; octet < 0x100; ++octet) {
    const std::string text(1, static_cast<char>(octet));
    if (octet >= 0xC0 && octet < 0xD0) continue;
    EXPECT_EQ(to_utf8(Alphabet::Teletex, text).has_value(), other(text).has_value()) << octet;
  }
}

// ---- UTF-8
TEST(Unicode, WritesAndReadsEveryLengthAtItsEdges) {
  for (const char32_t c : {U'\0', U'\x7F', U'\x80', U'\x7FF', U'\x800', U'\xD7FF', U'\xE000', U'\xFFFF', U'\x10000', U'\x10FFFF'}) {
    std::string text;
    append_utf8(c, text);
    EXPECT_EQ(count_utf8(text), 1U);
    std::string_view left = text;
    EXPECT_EQ(take_utf8(left), c);
    EXPECT_TRUE(left.empty());
  }
}

TEST(Unicode, TakesNothingThatIsIllFormed) {
  for (const auto& text : {""s, "\x80"s, "\xC3"s, "\xC1\x81"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s,
                           "\xF8\x88\x80\x80\x80"s, "\xE2\x82"s, "\xE2\x28\xA1"s}) {
    std::string_view left = text;
    EXPECT_EQ(take_utf8(left), std::nullopt) << hex_encode(as_bytes(text));
    EXPECT_EQ(left.size(), text.size());
  }
}

}  // namespace
}  // namespace postern::asn1
