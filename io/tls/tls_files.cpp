#include "io/tls/tls_files.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

// Clocks of hosts differ a little.
constexpr long clock_skew_s = 3600;
constexpr long day_s = 86'400;

[[noreturn]] void fail(const std::string& what) {
    char reason[256] = "unknown";
    if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    throw io_error{what + " (" + reason + ")"};
}

template <class Pointer>
Pointer made(Pointer pointer, const char* what) {
    if (!pointer) fail(std::string{"can't make "} + what);
    return pointer;
}

void require(bool good, const char* what) {
    if (!good) fail(std::string{"can't make "} + what);
}

std::string to_pem(const std::function<int(BIO*)>& write) {
    const auto bio = made(bio_ptr{BIO_new(BIO_s_mem())}, "a buffer");
    require(write(bio.get()) == 1, "a PEM file");
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

void write_public_file(const std::string& path, const std::string& content) {
    std::ofstream out{path, std::ios::binary};
    out << content << std::flush;
    if (!out) throw errno_error("can't write " + path);
}

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw errno_error("can't read " + path);
    return {std::istreambuf_iterator<char>{in}, {}};
}

// One certificate, or several behind each other: of authorities, or those in between.
std::vector<certificate_ptr> read_certificates(const std::string& path) {
    const auto text = read_file(path);
    const bio_ptr bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    std::vector<certificate_ptr> certificates;
    while (certificate_ptr next{bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr})
        certificates.push_back(std::move(next));
    if (certificates.empty()) fail(path + " is no PEM certificate");
    ERR_clear_error();  // the end of the file is one, for OpenSSL
    return certificates;
}

key_ptr read_key(const std::string& path) {
    const auto text = read_private_file(path);
    if (text.empty()) throw io_error{path + " is missing or empty; it must hold a PEM key"};
    const bio_ptr bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    // Without a callback OpenSSL would ask the terminal for a passphrase.
    key_ptr key{bio ? PEM_read_bio_PrivateKey(
                          bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr)
                    : nullptr};
    if (!key) fail(path + " is no PEM key without a passphrase");
    return key;
}

// A certificate or an authority, with its key.
struct identity {
    certificate_ptr certificate;
    key_ptr key;
};

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const auto extension = made(extension_ptr{X509V3_EXT_conf_nid(nullptr, &context, kind, value)}, "an extension");
    require(X509_add_ext(certificate, extension.get(), -1) == 1, "an extension");
}

// Signed by `issuer`, or by itself where there is none: then it is an authority.
identity issue(const std::string& name, const identity* issuer) {
    identity made_now;
    made_now.key = made(key_ptr{EVP_EC_gen("P-256")}, "a key");
    made_now.certificate = made(certificate_ptr{X509_new()}, "a certificate");
    auto* c = made_now.certificate.get();
    require(X509_set_version(c, X509_VERSION_3) == 1, "a certificate");
    unsigned char serial[16];
    require(RAND_bytes(serial, sizeof serial) == 1, "a serial number");
    serial[0] = static_cast<unsigned char>((serial[0] & 0x3F) | 0x40);  // positive, and of full length
    const std::unique_ptr<BIGNUM, freed_by<BN_free>> number{BN_bin2bn(serial, sizeof serial, nullptr)};
    require(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(c)) != nullptr, "a serial number");
    X509_gmtime_adj(X509_getm_notBefore(c), -clock_skew_s);
    X509_gmtime_adj(X509_getm_notAfter(c), (issuer != nullptr ? certificate_days : authority_days) * day_s);
    auto* subject = X509_get_subject_name(c);
    require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1,
            "a certificate for this name");
    auto* authority = issuer != nullptr ? issuer->certificate.get() : c;
    require(X509_set_issuer_name(c, X509_get_subject_name(authority)) == 1, "a certificate");
    require(X509_set_pubkey(c, made_now.key.get()) == 1, "a certificate");
    add_extension(c, authority, NID_subject_key_identifier, "hash");
    if (issuer == nullptr) {
        add_extension(c, authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
        add_extension(c, authority, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(c, authority, NID_authority_key_identifier, "keyid");
        add_extension(c, authority, NID_basic_constraints, "critical,CA:FALSE");
        add_extension(c, authority, NID_key_usage, "critical,digitalSignature");
        add_extension(c, authority, NID_ext_key_usage, "serverAuth,clientAuth");
    }
    const auto* signer = issuer != nullptr ? issuer->key.get() : made_now.key.get();
    require(X509_sign(c, const_cast<EVP_PKEY*>(signer), EVP_sha256()) > 0, "a signature");
    return made_now;
}

void save(const identity& who, const std::string& stem) {
    // The key first: a certificate without its key would count as issued.
    write_private_file(stem + ".key", to_pem([&](BIO* out) {
                           return PEM_write_bio_PrivateKey(out, who.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                       }));
    write_public_file(stem + ".pem", to_pem([&](BIO* out) { return PEM_write_bio_X509(out, who.certificate.get()); }));
}

// Half of a pair is left to its owner: to make the other half anew would orphan what was issued with it.
bool exists_with_key(const std::string& stem) {
    const bool certificate = std::filesystem::exists(stem + ".pem");
    if (certificate != std::filesystem::exists(stem + ".key"))
        throw io_error{stem + (certificate ? ".pem is there without " : ".key is there without ") + stem +
                       (certificate ? ".key" : ".pem") + "; bring the other back, or remove it to have both made anew"};
    return certificate;
}

bool is_file_name(const std::string& name) {
    constexpr std::size_t longest = 64;  // of a common name, RFC 5280
    return !name.empty() && name.size() <= longest && name.front() != '.' && name.front() != '-' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               std::string::npos;
}

}  // namespace

std::vector<std::string> issue_certificates(const std::string& folder, const std::vector<std::string>& names) {
    for (const auto& name : names)
        if (!is_file_name(name) || name == "ca")
            throw io_error{quote(name) +
                           " can't name a certificate: take up to 64 letters, digits, \".\", \"_\" and \"-\", but not "
                           "\"ca\""};
    std::error_code ec;
    std::filesystem::create_directories(folder, ec);
    if (ec) throw io_error{"can't make the folder " + folder + ": " + ec.message()};
    std::vector<std::string> files;
    const auto authority_stem = folder + "/ca";
    identity authority;
    if (exists_with_key(authority_stem)) {
        authority = {std::move(read_certificates(authority_stem + ".pem").front()), read_key(authority_stem + ".key")};
    } else {
        authority = issue("bistro cluster authority", nullptr);
        save(authority, authority_stem);
        files.insert(files.end(), {"ca.pem", "ca.key"});
    }
    for (const auto& name : names) {
        const auto stem = folder + "/" + name;
        if (exists_with_key(stem)) continue;
        save(issue(name, &authority), stem);
        files.insert(files.end(), {name + ".pem", name + ".key"});
    }
    return files;
}

void check_tls_files(const std::string& ca, const std::string& certificate, const std::string& key) {
    const auto authorities = read_certificates(ca);
    const auto chain = read_certificates(certificate);
    auto* own = chain.front().get();
    const auto secret = read_key(key);
    if (X509_check_private_key(own, secret.get()) != 1) {
        ERR_clear_error();
        throw io_error{key + " is not the key of " + certificate + "; name the two that were issued together"};
    }
    const auto store = made(store_ptr{X509_STORE_new()}, "a certificate store");
    for (const auto& authority : authorities)
        require(X509_STORE_add_cert(store.get(), authority.get()) == 1, "a certificate store");
    const std::unique_ptr<STACK_OF(X509), freed_by<free_stack>> between{sk_X509_new_null()};
    for (std::size_t i = 1; i < chain.size(); ++i)
        require(between && sk_X509_push(between.get(), chain[i].get()) > 0, "a certificate store");
    const auto context = made(store_context_ptr{X509_STORE_CTX_new()}, "a certificate store");
    require(X509_STORE_CTX_init(context.get(), store.get(), own, between.get()) == 1, "a certificate store");
    if (X509_verify_cert(context.get()) == 1) return;
    const int problem = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    throw io_error{certificate + " does not hold against " + ca + ": " + X509_verify_cert_error_string(problem) +
                   "; remove it and its key, and have others issued by bistro tls init"};
}

}  // namespace bistro
