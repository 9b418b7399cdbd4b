//! Bodies as streams.
/// A body as transferred, read piece by piece.
pub struct BodyReader {}
impl std::io::Read for BodyReader {
    fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}
